"""Hashtags: what is one, what of it is kept, and what each segmenter makes of it."""

import csv
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.corpus.posts import Post, write_posts
from pipeline.errors import PipelineError
from pipeline.params.hashtags import Hashtags
from pipeline.tables.phrases import read_phrases
from pipeline.text.hashtags.rules import CamelCase, WordSegment
from pipeline.text.hashtags.segmenter import (
    Segmenter,
    Words,
    body,
    exactly_right,
    folded,
    runs,
    segment,
)
from pipeline.text.hashtags.table import hashtags
from tests.blocks import of_project

LABELLED = Path(__file__).parent / "hashtags.tsv"


class Letters:
    """Makes a word of every letter, and half believes it."""

    def split(self, runs: Sequence[str]) -> list[Words]:
        return [Words(tuple(run), 0.5) for run in runs]


@pytest.fixture(scope="module")
def wordsegment() -> WordSegment:
    return WordSegment()


def words(token: str, segmenter: Segmenter) -> tuple[str, ...]:
    (one,) = segment([token], segmenter, 100)
    return one.words.words


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("#HatTrick", "HatTrick"),
        ("＃祭り", "祭り"),
        ("\u200e#x", "x"),  # behind an unseen mark
        ("#", None),
        ("#\ufe0f", None),
        ("C#", None),
        ("@HatTrick", None),
    ],
)
def test_a_hashtag_is_a_sign_and_something_that_is_seen(token: str, expected: str | None) -> None:
    assert body(token) == expected


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("#HatTrick", "Hat Trick"),
        ("#TorontoMapleLeafs", "Toronto Maple Leafs"),
        ("#BBCNews", "BBC News"),
        ("#July4thPBS", "July 4th PBS"),
        ("#Boston2024", "Boston 2024"),
        ("#MH17", "MH17"),
        ("#2daysleft", "2daysleft"),
        ("#hat_trick-now", "hat trick now"),
        ("#ŁódźMalmö", "Łódź Malmö"),
        ("#東京Tokyo2020", "東京 Tokyo 2020"),
        ("#LoveΑθήνα", "Love Αθήνα"),
        ("#Go🏒Leafs", "Go 🏒 Leafs"),
        ("#x", "x"),
        ("#1", "1"),
    ],
)
def test_the_rule_splits_at_what_is_seen(token: str, expected: str) -> None:
    assert words(token, CamelCase()) == tuple(expected.split())


def test_counted_words_are_found_in_small_letters_and_keep_their_case(
    wordsegment: WordSegment,
) -> None:
    assert words("#bringbackourgirls", wordsegment) == ("bring", "back", "our", "girls")
    assert words("#NewYorkcity", wordsegment) == ("New", "York", "city")
    assert words("#caféolé", wordsegment)[0] == "café"


def test_confidence(wordsegment: WordSegment) -> None:
    sure, unsure = wordsegment.split(["newyork", "zxqjvzzqx"])
    assert sure.confidence == 1.0
    assert unsure.confidence < 1.0
    assert [found.confidence for found in CamelCase().split(["HatTrick", "hattrick", "NBA"])] == [
        1.0,
        0.0,
        0.0,
    ]
    # Of two runs and an emoji: both must be right, and there is no doubt about the emoji.
    (one,) = segment(["#ab_cd🏒"], Letters(), 100)
    assert one.words == Words(("a", "b", "c", "d", "🏒"), 0.25)


@given(st.text(min_size=1, max_size=30))
def test_no_letter_digit_or_picture_is_lost(text: str) -> None:
    token = "#" + text
    seen = body(token)
    for segmenter in (CamelCase(), Letters()):
        for one in segment([token], segmenter, 100):
            assert seen is not None
            kept = "".join(part for _, part in runs(seen))
            assert "".join(one.words.words) == (kept or seen)
            assert all(one.words.words)
            letters = [character for character in seen if character.isalnum()]
            assert [c for c in kept if c.isalnum()] == letters


@given(st.text(st.characters(categories=["L", "Nd"]), max_size=30))
def test_folding_keeps_places(text: str) -> None:
    assert len(folded(text)) == len(text)
    assert set(folded(text)) <= set("abcdefghijklmnopqrstuvwxyz0123456789")


def test_the_labelled_hashtags_are_whole() -> None:
    with LABELLED.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert len({row["hashtag"] for row in rows}) == 200
    for row in rows:
        assert "#" + row["words"].replace(" ", "") == row["hashtag"]


def test_exactly_right_counts_whole_hashtags() -> None:
    found = [Words(("a", "b"), 1.0), Words(("ab",), 1.0)]
    assert exactly_right(found, [("a", "b"), ("a", "b")]) == 50.0


def by(segmenter: str) -> Hashtags:
    return of_project("hashtags", Hashtags, segmenter=segmenter, max_characters=100)


def test_the_table(tmp_path: Path) -> None:
    long = "#" + "a" * 200
    tokens = ("look", "#HatTrick", "#🏒🏒", long, "#", "#HatTrick", "#_")
    post = Post("train/0", "train", None, tokens, ("O",) * len(tokens), 1)
    write_posts([post], tmp_path / "posts.parquet")
    table = tmp_path / "hashtags.parquet"
    report = str(hashtags(by("camel"), tmp_path / "posts.parquet", None, table))
    assert "4 different hashtags, 1 of several words (camel); 3 kept as they stand" in report
    assert "#🏒🏒: no letter or digit" in report
    assert "1 too long" in report
    found = read_phrases(table)
    assert found.keyed_by == "token"
    assert {key: row.words for key, row in found.rows.items()} == {
        "#HatTrick": ("Hat", "Trick"),
        "#🏒🏒": ("🏒🏒",),
        long: ("a" * 200,),
        "#_": ("_",),
    }
    columns = pq.read_table(table).to_pydict()
    confidence = dict(zip(columns["key"], columns["confidence"], strict=True))
    assert confidence["#HatTrick"] == 1.0
    assert confidence[long] == 0.0
    first = table.read_bytes()
    hashtags(by("camel"), tmp_path / "posts.parquet", None, table)
    assert table.read_bytes() == first
    assert read_phrases(table).facts == {"segmenter": "camel"}
    hashtags(by("wordsegment"), tmp_path / "posts.parquet", None, table)
    assert read_phrases(table).facts == {"segmenter": "wordsegment"}
    assert read_phrases(table).fingerprint != found.fingerprint


def test_the_neural_segmenter_needs_its_model(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="no --model"):
        hashtags(by("neural"), tmp_path / "posts.parquet", None, tmp_path / "t.parquet")
    with pytest.raises(PipelineError, match=r"segmenter\.json: no such file"):
        hashtags(by("neural"), tmp_path / "posts.parquet", tmp_path, tmp_path / "t.parquet")
