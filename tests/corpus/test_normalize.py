"""The look-up form: golden tokens of real tweets, and what holds of every token."""

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.corpus.normalize import is_invisible, normalize
from pipeline.params.vocab import Normalize

ALL = Normalize(lowercase=True, urls=True, users=True, digits=True)
NONE = Normalize(lowercase=False, urls=False, users=False, digits=False)
NORMALIZATIONS = st.builds(Normalize)
# Any text, and pieces that the rules look for in any order.
PIECES = (
    "http HTTPS ſ K : / … www. @ _ a İ Σ <pad> <url> \u200d \ufe0f \xa0 \u3000 \U000e0100 ٣ 7 ²"
)
TOKENS = st.text(min_size=1) | st.lists(
    st.sampled_from([*PIECES.split(" "), " "]), min_size=1, max_size=6
).map("".join)


@pytest.mark.parametrize(
    ("token", "word"),
    [
        ("http://t.co/Z3neVBQ7vF", "<url>"),
        ("HTTPS://T.CO/x", "<url>"),
        ("http:/…", "<url>"),  # Twitter cuts links so
        ("http…", "<url>"),
        ("http", "http"),
        ("www.ibm.com", "<url>"),
        ("www.", "www."),
        ("@JayKenMinaj", "<user>"),
        ("@", "@"),
        ("RT@Gizmodo", "rt@gizmodo"),
        ("@NASA_EO)", "@nasa_eo)"),
        ("10:45pm", "00:00pm"),
        ("١٢", "00"),
        ("x²", "x²"),
        ("#\u200edarmageddon", "#darmageddon"),
        ("\xa0", "<invisible>"),
        ("\u200b\u200d\ufe0f", "<invisible>"),
        ("\u3000 ", "<invisible>"),
        ("❤\ufe0f", "❤"),
        ("👩\u200d🚀", "👩🚀"),
        ("New York", "new york"),
        ("<pad>", "<unk>"),
        ("<PAD>", "<unk>"),
        ("<unk>", "<unk>"),
    ],
)
def test_golden(token: str, word: str) -> None:
    assert normalize(token, ALL) == word


def test_each_rule_can_be_left_out() -> None:
    tokens = ["http://t.co/A1", "@Bob", "R2D2"]
    assert [normalize(token, NONE) for token in tokens] == tokens
    for rule, expected in [
        ("lowercase", ["http://t.co/a1", "@bob", "r2d2"]),
        ("urls", ["<url>", "@Bob", "R2D2"]),
        ("users", ["http://t.co/A1", "<user>", "R2D2"]),
        ("digits", ["http://t.co/A0", "@Bob", "R0D0"]),
    ]:
        one = NONE.model_copy(update={rule: True})
        assert [normalize(token, one) for token in tokens] == expected


@settings(deadline=None)
@given(TOKENS, NORMALIZATIONS)
def test_a_word_is_its_own_normal_form_and_never_empty_nor_padding(
    token: str, normalization: Normalize
) -> None:
    word = normalize(token, normalization)
    assert word
    assert word != "<pad>"
    assert word == word.strip()
    assert normalize(word, normalization) == word


@settings(deadline=None)
@given(TOKENS)
def test_what_the_rules_promise_of_words(token: str) -> None:
    word = normalize(token, ALL)
    assert not any(unicodedata.category(one) == "Cf" for one in word)
    assert not re.search(r"[1-9]", word)
    assert word == word.lower()
    assert is_invisible(token) == (normalize(token, NONE) == "<invisible>")
