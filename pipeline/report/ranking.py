"""The leaderboard of the report: F1 with its interval, and the test against the next system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.evaluation.comparison import REPLICATES, SEED
from pipeline.metrics.significance import (
    Interval,
    RandomizationTest,
    bootstrap_ranking,
    randomization_test,
)
from pipeline.report.systems import SPLIT, Tagged


@dataclass(frozen=True)
class Next:
    """How far a system stands before the next one of the table."""

    difference: Interval
    test: RandomizationTest | None  # None if the two have different numbers of seeds


@dataclass(frozen=True)
class Row:
    """A system of the leaderboard; scores are of test, means over its seeds, in percent."""

    rank: int
    name: str
    seeds: int
    f1: Interval
    deviation: float | None  # of F1 over seeds
    precision: float
    recall: float
    dev_f1: float
    next: Next | None  # None for the last


def rank(systems: Sequence[Tagged], replicates: int = REPLICATES) -> list[Row]:
    """Score and compare the systems, which stand in the order of the leaderboard."""
    counts = [system.counts for system in systems]
    alone, between = bootstrap_ranking(counts, replicates=replicates, seed=SEED)
    rows = []
    for place, (system, f1) in enumerate(zip(systems, alone, strict=True)):
        strict = system.result.splits[SPLIT].aggregate.strict.overall
        dev = system.result.splits["dev"].aggregate.strict.overall
        following = None
        if place < len(between):
            first, second = counts[place : place + 2]
            test = None
            if len(first) == len(second):
                test = randomization_test(first, second, replicates=replicates, seed=SEED)
            following = Next(between[place], test)
        rows.append(
            Row(
                rank=system.rank,
                name=system.name,
                seeds=len(system.found),
                f1=f1,
                deviation=strict.f1.deviation,
                precision=strict.precision.mean,
                recall=strict.recall.mean,
                dev_f1=dev.f1.mean,
                next=following,
            )
        )
    return rows
