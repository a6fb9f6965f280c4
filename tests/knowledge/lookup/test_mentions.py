"""Mentions: by spelling, by a tagger's spans, or gold, which every output says."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.corpus.posts import Post, write_posts
from pipeline.errors import PipelineError
from pipeline.knowledge.lookup.mentions import (
    GOLD,
    SOURCE,
    TAGGED,
    Mention,
    Source,
    find_mentions,
    ngrams,
    read_mentions,
)
from pipeline.params.mentions import Mentions
from pipeline.tables.parquet import write_table

TOKENS = (
    "RT",
    "@Ada",
    ":",
    "Old",
    "Los",
    "Angeles",
    "with",
    "#KobeBryant",
    "and",
    "I",
    "https://X",
)
LABELS = ("O", "O", "O", "O", "B-LOC", "I-LOC", "O", "B-PER", "O", "I-PER", "O")
POSTS = [
    Post("train/0", "train", None, TOKENS, LABELS, 1),
    Post("dev/0", "dev", None, ("nothing", "here"), ("O", "O"), 1),
]


def run(
    folder: Path, source: Source, spans: list[tuple[str, int, int, str]] | None = None
) -> tuple[str, dict[str, object]]:
    write_posts(POSTS, folder / "posts.parquet")
    if spans is not None:
        columns = [list(column) for column in zip(*spans, strict=True)]
        write_table(pa.table(columns, TAGGED), folder / "tagged.parquet")
    told = find_mentions(
        Mentions(source=source, longest=2),
        folder / "posts.parquet",
        folder / "tagged.parquet",
        folder / "mentions.parquet",
        folder / "mentions.json",
    )
    return told, json.loads((folder / "mentions.json").read_text())


def test_words_that_are_spelled_like_names() -> None:
    found = [" ".join(TOKENS[start:end]) for start, end in ngrams(TOKENS, 2)]
    assert found == ["Old", "Old Los", "Los", "Los Angeles", "Angeles", "#KobeBryant"]


def test_a_mention_of_a_hundred_words_is_no_trouble() -> None:
    tokens = ["Word"] * 100
    assert len(list(ngrams(tokens, 4))) == 4 * 100 - 6
    assert max(end - start for start, end in ngrams(tokens, 100)) == 100


def test_gold_mentions_say_so_everywhere(tmp_path: Path) -> None:
    told, counts = run(tmp_path, "gold")
    assert told.startswith(GOLD)
    assert counts["gold"] is True
    table = pq.read_table(tmp_path / "mentions.parquet")
    assert table.schema.metadata[SOURCE] == b"gold"
    assert set(table["source"].to_pylist()) == {"gold"}
    mentions = read_mentions(tmp_path / "mentions.parquet")
    assert mentions.by_post == {
        "train/0": [Mention(4, 6, "Los Angeles"), Mention(7, 8, "#KobeBryant")]
    }


def test_other_sources_are_not_gold(tmp_path: Path) -> None:
    told, counts = run(tmp_path, "ngrams")
    assert GOLD not in told
    assert (counts["gold"], counts["mentions"]) == (False, 6)
    assert counts["posts"] == {"all": 2, "with_mention": 1}


def test_a_taggers_spans(tmp_path: Path) -> None:
    run(tmp_path, "tagger", [("train/0", 5, 6, "LOC"), ("train/0", 3, 5, "PER")])
    mentions = read_mentions(tmp_path / "mentions.parquet")
    assert mentions.source == "tagger"
    assert mentions.by_post == {"train/0": [Mention(3, 5, "Old Los"), Mention(5, 6, "Angeles")]}


@pytest.mark.parametrize(
    ("span", "complaint"),
    [
        (("train/9", 0, 1, "PER"), "'train/9', which is not in the table of posts"),
        (("dev/0", 1, 3, "PER"), "'dev/0', which has no tokens 1 to 3"),
        (("dev/0", 1, 1, "PER"), "no tokens 1 to 1"),
    ],
)
def test_spans_of_other_posts_are_refused(
    tmp_path: Path, span: tuple[str, int, int, str], complaint: str
) -> None:
    with pytest.raises(PipelineError, match=complaint):
        run(tmp_path, "tagger", [span])
    assert not (tmp_path / "mentions.parquet").exists()


def test_no_spans_at_all_is_said(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"tagged.parquet: no such file"):
        run(tmp_path, "tagger")


def test_a_table_without_its_source_is_refused(tmp_path: Path) -> None:
    run(tmp_path, "ngrams")
    table = pq.read_table(tmp_path / "mentions.parquet")
    write_table(table.replace_schema_metadata(None), tmp_path / "mentions.parquet")
    with pytest.raises(PipelineError, match="does not say where its mentions come from"):
        read_mentions(tmp_path / "mentions.parquet")
