"""Tokens of raw text: like the corpora's, and each where the text has it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.predict.tokens import joined, tokenize

ODD = st.text(
    st.sampled_from(
        "aB9 '’.!#@&;:/-_)(\t\r\n\u00a0\u200b\u200d\u200e\u202e\u0301\ufe0f\u05d0\u0627\u4e2d"
        "\N{WAVING HAND SIGN}\N{EMOJI MODIFIER FITZPATRICK TYPE-4}\N{WOMAN}"
        "\N{REGIONAL INDICATOR SYMBOL LETTER D}\N{REGIONAL INDICATOR SYMBOL LETTER E}"
    )
)


def words(text: str) -> list[str]:
    return [text[token.start : token.end] for token in tokenize(text)]


@given(st.one_of(ODD, st.text()))
@example("line one\r\nline two\u00a0three")
@example("&amp; . . . I've http://t.co/x\u0301")
def test_every_visible_character_is_in_one_token_in_the_order_of_the_text(text: str) -> None:
    at = 0
    for token in tokenize(text):
        assert at <= token.start < token.end <= len(text)
        assert not text[at : token.start].strip()
        assert not any(character.isspace() for character in text[token.start : token.end])
        at = token.end
    assert not text[at:].strip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RT @cnni: Pope Francis", ["RT", "@cnni", ":", "Pope", "Francis"]),
        ("Kobe's here. I’ve", ["Kobe", "'", "s", "here", ".", "I", "’", "ve"]),
        ("#NBA http://t.co/Z3neVBQ7vF!", ["#NBA", "http://t.co/Z3neVBQ7vF", "!"]),
        ("triple-digit 2014-15", ["triple-digit", "2014-15"]),
        ("so . . . ok", ["so", ".", ".", ".", "ok"]),
        ("\N{WAVING HAND SIGN}\N{EMOJI MODIFIER FITZPATRICK TYPE-4}", ["\U0001f44b\U0001f3fd"]),
        (" \t\r\n", []),
    ],
)
def test_tokens_are_like_those_of_the_corpora(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize("sign", ["a", "1", "!", ".", "-", "#", "<", "a'", "\U0001f44d"])
def test_ten_thousand_of_one_sign_are_split(sign: str) -> None:
    assert "".join(words(sign * 10_000)) == sign * 10_000


def test_words_without_a_text_are_joined_by_spaces() -> None:
    text, tokens = joined(["a", "\u00a0", "bc"])
    assert [text[token.start : token.end] for token in tokens] == ["a", "\u00a0", "bc"]
