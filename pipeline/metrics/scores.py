"""Micro-averaged precision, recall and F1 of spans, overall and by type, and over seeds.

A span is correct if the same borders and type stand in the gold of the same post. Scores are kept
as counts, from which the ratios follow; all ratios are percent (0 to 100), rounded to `DECIMALS`
only where they are written.

Division by zero: precision with nothing predicted, recall with no gold, and F1 with nothing
correct are 0, as in conlleval. So a system that rightly predicts nothing scores 0, not 100.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from pipeline.metrics.spans import READINGS, Reading

DECIMALS = 2

Tree = dict[str, Any]  # plain values for JSON


class Leaf(Protocol):
    """An end of a tree of scores."""

    def to_dict(self) -> Tree:
        """Plain numbers for JSON."""


L = TypeVar("L", bound=Leaf)


def _ratio(part: float, whole: float) -> float:
    return 100.0 * part / whole if whole else 0.0


@dataclass(frozen=True)
class Counts:
    """Numbers of spans; `gold` is the support. The ratios are percent, not rounded."""

    correct: int
    predicted: int
    gold: int

    @property
    def precision(self) -> float:
        """Correct among the predicted."""
        return _ratio(self.correct, self.predicted)

    @property
    def recall(self) -> float:
        """Correct among the gold."""
        return _ratio(self.correct, self.gold)

    @property
    def f1(self) -> float:
        """The harmonic mean of the two, in the form that is exact: 2 correct / (all spans)."""
        return _ratio(2 * self.correct, self.predicted + self.gold)

    def to_dict(self) -> Tree:
        """The three counts, and the ratios rounded."""
        return {
            "precision": round(self.precision, DECIMALS),
            "recall": round(self.recall, DECIMALS),
            "f1": round(self.f1, DECIMALS),
            "correct": self.correct,
            "predicted": self.predicted,
            "gold": self.gold,
        }

    @staticmethod
    def from_dict(tree: Mapping[str, Any]) -> Counts:
        """The inverse of `to_dict`; ratios are computed anew from the counts."""
        return Counts(*(int(tree[name]) for name in ("correct", "predicted", "gold")))


@dataclass(frozen=True)
class Estimate:
    """Mean and sample deviation (n - 1) over seeds, percent; one seed has no deviation: None."""

    mean: float
    deviation: float | None

    def to_dict(self) -> Tree:
        """Both, rounded."""
        deviation = None if self.deviation is None else round(self.deviation, DECIMALS)
        return {"mean": round(self.mean, DECIMALS), "deviation": deviation}


@dataclass(frozen=True)
class Summary:
    """The ratios of several seeds on the same gold."""

    precision: Estimate
    recall: Estimate
    f1: Estimate
    gold: int

    def to_dict(self) -> Tree:
        """The estimates, rounded, and the support."""
        return {
            "precision": self.precision.to_dict(),
            "recall": self.recall.to_dict(),
            "f1": self.f1.to_dict(),
            "gold": self.gold,
        }


@dataclass(frozen=True)
class Table(Generic[L]):
    """Scores under one reading of labels; `by_type` is sorted by name, empty where untyped."""

    overall: L
    by_type: Mapping[str, L]

    def to_dict(self) -> Tree:
        """A nested tree of plain numbers."""
        return {
            "overall": self.overall.to_dict(),
            "by_type": {name: leaf.to_dict() for name, leaf in self.by_type.items()},
        }


@dataclass(frozen=True)
class Readings(Generic[L]):
    """Scores under the three readings of labels of `pipeline.metrics.spans`."""

    strict: Table[L]
    lenient: Table[L]
    segmentation: Table[L]

    def table(self, reading: Reading) -> Table[L]:
        """The table of the reading of that name."""
        found: Table[L] = getattr(self, reading)
        return found

    def to_dict(self) -> Tree:
        """A nested tree of plain numbers."""
        return {reading: self.table(reading).to_dict() for reading in READINGS}


Scores = Readings[Counts]
Aggregate = Readings[Summary]


def count(gold: Sequence[str], predicted: Sequence[str], reading: Reading) -> dict[str, Counts]:
    """The spans of one post by type: a type that stands in either sequence has an entry.

    A predicted sequence may be shorter than the gold (the post was truncated): what lies beyond
    its end is O, so the gold entities there are missed and stay in the denominator.

    Raises:
        ValueError: for a predicted sequence longer than the gold.
    """
    if len(predicted) > len(gold):
        raise ValueError(f"{len(predicted)} predicted labels for a post of {len(gold)} tokens")
    wanted, found = set(READINGS[reading](gold)), set(READINGS[reading](predicted))
    tallies = [Counter(span.type for span in spans) for spans in (wanted & found, found, wanted)]
    types = tallies[1] | tallies[2]
    return {name: Counts(*(tally[name] for tally in tallies)) for name in types}


def score(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> Scores:
    """Score the label sequences of posts, in the same order, under the three readings.

    Raises:
        ValueError: for another number of sequences, or one longer than its gold.
    """
    _check(gold, predicted)
    return Readings(**{reading: _table(gold, predicted, reading) for reading in READINGS})


def strict_f1(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> float:
    """The strict micro F1, percent, of what `score` takes; the other readings are not counted."""
    _check(gold, predicted)
    return _table(gold, predicted, "strict").overall.f1


def aggregate(scores: Sequence[Scores]) -> Aggregate:
    """Mean and sample deviation over the seeds of one system, each computed before rounding.

    A type that one seed predicts, though neither gold nor another seed has it, counts as 0 there.

    Raises:
        ValueError: without scores, or with scores of different gold.
    """
    if not scores:
        raise ValueError("no scores to aggregate")
    return Readings(
        **{reading: _aggregate([seed.table(reading) for seed in scores]) for reading in READINGS}
    )


def scores_from_dict(tree: Mapping[str, Any]) -> Scores:
    """The inverse of `Scores.to_dict`.

    Raises:
        KeyError, TypeError or ValueError: for a tree of another shape.
    """
    return Readings(**{reading: _table_from_dict(tree[reading]) for reading in READINGS})


def _check(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> None:
    if len(gold) != len(predicted):
        raise ValueError(f"{len(predicted)} predicted sequences for {len(gold)} posts")


def _table(
    gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], reading: Reading
) -> Table[Counts]:
    posts = [count(*pair, reading) for pair in zip(gold, predicted, strict=True)]
    types = sorted({name for post in posts for name in post} - {""})
    return Table(
        overall=_sum([counts for post in posts for counts in post.values()]),
        by_type={name: _sum([post[name] for post in posts if name in post]) for name in types},
    )


def _sum(parts: Sequence[Counts]) -> Counts:
    return Counts(
        correct=sum(part.correct for part in parts),
        predicted=sum(part.predicted for part in parts),
        gold=sum(part.gold for part in parts),
    )


def _aggregate(tables: Sequence[Table[Counts]]) -> Table[Summary]:
    none = Counts(0, 0, 0)
    types = sorted({name for table in tables for name in table.by_type})
    return Table(
        overall=_summary([table.overall for table in tables]),
        by_type={n: _summary([table.by_type.get(n, none) for table in tables]) for n in types},
    )


def _summary(seeds: Sequence[Counts]) -> Summary:
    support = {counts.gold for counts in seeds}
    if len(support) > 1:
        raise ValueError(f"seeds scored on different gold: {sorted(support)} entities")
    return Summary(
        precision=_estimate([counts.precision for counts in seeds]),
        recall=_estimate([counts.recall for counts in seeds]),
        f1=_estimate([counts.f1 for counts in seeds]),
        gold=support.pop(),
    )


def _estimate(values: Sequence[float]) -> Estimate:
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return Estimate(statistics.fmean(values), deviation)


def _table_from_dict(tree: Mapping[str, Any]) -> Table[Counts]:
    return Table(
        overall=Counts.from_dict(tree["overall"]),
        by_type={name: Counts.from_dict(leaf) for name, leaf in tree["by_type"].items()},
    )
