"""The difference in F1 between two systems on the same posts, with p and intervals.

The difference is the first system's F1 minus the second's, both averaged over seeds. p comes from
approximate randomisation over posts, the intervals are percentiles of a bootstrap over posts
(`pipeline.metrics.significance`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.corpus.posts import Post, read_posts
from pipeline.errors import PipelineError
from pipeline.evaluation.markdown import markdown_table
from pipeline.evaluation.predictions import read_predictions, read_setting
from pipeline.evaluation.scoring import span_counts
from pipeline.evaluation.settings import cautions, flag
from pipeline.metrics.scores import DECIMALS, Tree
from pipeline.metrics.significance import (
    Interval,
    RandomizationTest,
    bootstrap_difference,
    bootstrap_f1,
    randomization_test,
)
from pipeline.metrics.spans import Reading
from pipeline.params.block import nearest
from pipeline.training.setting import Setting

REPLICATES = 10_000  # of the test and of each bootstrap, where nobody asks for another number
SEED = 0  # of their draws, likewise


@dataclass(frozen=True)
class Comparison:
    """Two systems' F1, their difference, and the test of it."""

    split: str
    reading: Reading
    posts: int
    names: tuple[str, str]
    settings: tuple[Setting, Setting]
    seeds: tuple[int, int]  # number of seeds of each
    f1: tuple[Interval, Interval]
    difference: Interval
    test: RandomizationTest

    def to_dict(self) -> Tree:
        """`{"split", "reading", "posts", "systems": [{"name", "seeds", "f1", "low", "high"}],
        "difference": {"f1", "low", "high", "p"}, "confidence", "replicates"}`; percent, rounded,
        but for p.
        """
        return {
            "split": self.split,
            "reading": self.reading,
            "posts": self.posts,
            "systems": [
                {"name": name, "seeds": seeds, **_ends(f1)}
                for name, seeds, f1 in zip(self.names, self.seeds, self.f1, strict=True)
            ],
            "difference": {**_ends(self.difference), "p": self.test.p_value},
            "confidence": self.difference.confidence,
            "replicates": self.test.replicates,
        }

    def markdown(self) -> str:
        """A table of three rows, how it was computed, and the cautions of the two, if any."""
        percent = f"{100 * self.difference.confidence:g} % interval"
        rows = [[f"{self.reading.capitalize()} F1 of {self.split}", "F1", percent, "Seeds", "p"]]
        columns = (self.names, self.settings, self.seeds, self.f1)
        for name, setting, seeds, f1 in zip(*columns, strict=True):
            value = f"{f1.value:.{DECIMALS}f}"
            rows.append([f"{name}{flag(setting)}", value, _range(f1, ""), str(seeds), ""])
        difference = f"{self.difference.value:+.{DECIMALS}f}"
        p = f"{self.test.p_value:.2g}"
        rows.append(["difference", difference, _range(self.difference, "+"), "", p])
        return (
            f"{markdown_table(rows, left=[0])}\n"
            f"p: approximate randomisation over {self.posts} posts, two-sided; intervals: bootstrap"
            f" over posts; {self.test.replicates} replicates each.\n"
            f"{cautions(dict(zip(self.names, self.settings, strict=True)))}"
        )


def compare(
    posts: Path,
    predictions: Sequence[Path],
    *,
    split: str,
    reading: Reading,
    replicates: int,
    seed: int,
) -> Comparison:
    """Compare two systems by their tables of predictions.

    Args:
        posts: the table of posts.
        predictions: the tables of the two systems.
        split: dev or test.
        reading: how labels become spans (`pipeline.metrics.spans`).
        replicates: their number, in the test and in each bootstrap.
        seed: for the draws of the test and the bootstraps; it is no seed of the systems.

    Raises:
        PipelineError: naming the file, unless there are two, both are there and fit the posts, and
            both systems have as many seeds.
    """
    if len(predictions) != 2:
        given = f"{len(predictions)} given" if predictions else "none given"
        raise PipelineError(f"a comparison is of two tables of predictions; {given}")
    first, second = predictions
    read = read_posts(posts)
    counts = [_counts(path, read, split, reading) for path in predictions]
    if len(counts[0]) != len(counts[1]):
        raise PipelineError(
            f"{first} has {len(counts[0])} seeds, {second} {len(counts[1])}: a paired test swaps"
            " the outputs of as many; train both with the same `train.seeds`"
        )
    drawn = {"replicates": replicates, "seed": seed}
    return Comparison(
        split=split,
        reading=reading,
        posts=counts[0].shape[1],
        names=_names(first, second),
        settings=(read_setting(first), read_setting(second)),
        seeds=(len(counts[0]), len(counts[1])),
        f1=(bootstrap_f1(counts[0], **drawn), bootstrap_f1(counts[1], **drawn)),
        difference=bootstrap_difference(counts[0], counts[1], **drawn),
        test=randomization_test(counts[0], counts[1], **drawn),
    )


def _counts(
    path: Path, posts: Sequence[Post], split: str, reading: Reading
) -> npt.NDArray[np.int64]:
    """Correct, predicted and gold spans: (seeds, posts of the split, 3)."""
    if not path.is_file():
        there = sorted(str(found) for found in path.parent.glob("*.parquet"))
        raise PipelineError(
            f"{path}: no such file{nearest(str(path), there)};"
            " a system's evaluate stage writes its predictions"
        )
    return span_counts(posts, read_predictions(path, posts), split, reading)


def _names(first: Path, second: Path) -> tuple[str, str]:
    """The systems' names, or the paths where two tables are of one system."""
    if first.stem != second.stem:
        return first.stem, second.stem
    return str(first.with_suffix("")), str(second.with_suffix(""))


def _ends(interval: Interval) -> Tree:
    ends = {"f1": interval.value, "low": interval.low, "high": interval.high}
    return {name: round(value, DECIMALS) for name, value in ends.items()}


def _range(interval: Interval, sign: str) -> str:
    return " to ".join(f"{end:{sign}.{DECIMALS}f}" for end in (interval.low, interval.high))
