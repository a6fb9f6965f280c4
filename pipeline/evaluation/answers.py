"""What the seeds of a system said of a post, span by span, and which posts they got wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc

from pipeline.corpus.posts import Post
from pipeline.errors import PipelineError
from pipeline.evaluation.predictions import (
    SCHEMA,
    Prediction,
    check_predictions,
    read_predictions,
    read_setting,
)
from pipeline.metrics.spans import Span, strict_spans
from pipeline.tables.parquet import read_table


@dataclass(frozen=True)
class Answer:
    """The strict spans that the seeds of one system gave a post.

    Attributes:
        system: its name.
        caution: what has to stand beside its predictions; mostly empty.
        gold: the post's own spans.
        seeds: seed -> the spans that it predicted.
    """

    system: str
    caution: str
    gold: tuple[Span, ...]
    seeds: Mapping[int, tuple[Span, ...]]

    @property
    def predicted(self) -> dict[Span, int]:
        """Each span that some seed predicted, and how many did."""
        return dict(sorted(Counter(span for row in self.seeds.values() for span in row).items()))

    @property
    def right(self) -> dict[Span, int]:
        """Those that are gold."""
        return {span: seeds for span, seeds in self.predicted.items() if span in self.gold}

    @property
    def wrong(self) -> dict[Span, int]:
        """Those that are not."""
        return {span: seeds for span, seeds in self.predicted.items() if span not in self.gold}

    @property
    def missed(self) -> dict[Span, int]:
        """Each gold span that some seed did not predict, and how many did not."""
        left = {span: len(self.seeds) - self.predicted.get(span, 0) for span in self.gold}
        return {span: seeds for span, seeds in left.items() if seeds}

    @property
    def faulty_seeds(self) -> int:
        """How many seeds predicted other spans than the gold ones."""
        return sum(spans != self.gold for spans in self.seeds.values())


def read_answer(path: Path, post: Post) -> Answer | None:
    """What the predictions at `path` say of `post`; None if its split was not predicted.

    Raises:
        PipelineError: if the file is missing, damaged, or does not fit the post.
    """
    table = read_table(path, SCHEMA, f"evaluate_{path.stem}")
    if post.split not in pc.unique(table["split"]).to_pylist():
        return None
    rows = [
        Prediction(row["post"], row["seed"], row["split"], tuple(row["predicted"]))
        for row in table.filter(pc.field("post") == post.post).to_pylist()
    ]
    check_predictions(rows, [post], str(path))
    return _answer(path, read_setting(path).caution, post, rows)


def wrong_posts(path: Path, posts: Sequence[Post], split: str) -> list[tuple[Post, Answer]]:
    """The posts of `split` that a seed got wrong; those that most seeds did come first.

    Args:
        path: the system's predictions.
        posts: those of all splits.
        split: such as "test".

    Raises:
        PipelineError: if the file is missing or damaged, does not fit `posts`, or has nothing of
            that split.
    """
    rows: dict[str, list[Prediction]] = {}
    for row in read_predictions(path, posts):
        rows.setdefault(row.post, []).append(row)
    caution = read_setting(path).caution
    answered = [
        (post, _answer(path, caution, post, rows[post.post]))
        for post in posts
        if post.split == split and post.post in rows
    ]
    if not answered:
        raise PipelineError(f"{path}: has no predictions for the split {split!r}")
    wrong = [(post, answer) for post, answer in answered if answer.faulty_seeds]
    return sorted(wrong, key=lambda one: -one[1].faulty_seeds)


def _answer(path: Path, caution: str, post: Post, rows: Sequence[Prediction]) -> Answer:
    seeds = {row.seed: tuple(strict_spans(row.predicted)) for row in rows}
    return Answer(path.stem, caution, tuple(strict_spans(post.labels)), seeds)
