"""Is a difference in F1 more than chance? A paired test and intervals, with posts as the sample.

All functions take the spans of posts as integer arrays of shape (seeds, posts, 3): numbers of
correct, predicted and gold spans. A system's F1 is micro-averaged within a seed, then averaged
over its seeds, as on the leaderboard. Posts are what is swapped or drawn, with all their seeds at
once: seeds of one post are no independent observations of it.

Everything is drawn from `numpy.random.default_rng(seed)`: equal input, equal result.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

CHUNK = 256  # replicates in memory at once: (256, posts) floats, 7 MB for Twitter2015
TOLERANCE = 1e-9  # points of F1 within which two differences are the same, whatever the rounding


@dataclass(frozen=True)
class RandomizationTest:
    """The observed difference (first - second, in points of F1) and its two-sided p-value."""

    difference: float
    p_value: float
    replicates: int


@dataclass(frozen=True)
class Interval:
    """An observed value and the ends of its bootstrap percentile interval, in points of F1."""

    value: float
    low: float
    high: float
    confidence: float
    replicates: int


def mean_f1(counts: npt.NDArray[np.number]) -> Floats:
    """F1 in percent of summed counts (..., seeds, 3), averaged over seeds: shape (...).

    A seed with neither predicted nor gold spans has F1 0, as in `pipeline.metrics.scores`.
    """
    correct, predicted, gold = np.moveaxis(np.asarray(counts, dtype=np.float64), -1, 0)
    spans = predicted + gold  # (..., seeds)
    f1 = np.divide(200.0 * correct, spans, out=np.zeros_like(spans), where=spans > 0)
    means: Floats = f1.mean(axis=-1)
    return means


def randomization_test(
    first: Integers, second: Integers, *, replicates: int = 10_000, seed: int = 0
) -> RandomizationTest:
    """Approximate randomisation of the difference in F1 of two systems (Yeh 2000; Noreen 1989).

    Under the null hypothesis the two outputs of a post could as well have come from the other
    system: each replicate swaps them for each post with probability 1/2. With r replicates whose
    difference is at least as large as the observed one in absolute value, p = (r + 1) / (n + 1).

    Raises:
        ValueError: unless both are (seeds, posts, 3) of equal shape and gold, with posts, and
            `replicates` is positive.
    """
    _check_pair(first, second)
    observed = float(mean_f1(first.sum(axis=1)) - mean_f1(second.sum(axis=1)))
    different = np.any(first != second, axis=(0, 2))  # (posts,): a swap of equals changes nothing
    rng = np.random.default_rng(seed)
    extreme = 0
    for rows in _chunks(replicates):
        swaps = rng.integers(0, 2, size=(rows, int(different.sum())), dtype=np.int8)
        differences = swapped_differences(first, second, different, swaps)
        extreme += int(np.sum(np.abs(differences) >= abs(observed) - TOLERANCE))
    return RandomizationTest(observed, (extreme + 1) / (replicates + 1), replicates)


def swapped_differences(
    first: Integers, second: Integers, among: npt.NDArray[np.bool_], swaps: npt.NDArray[np.int8]
) -> Floats:
    """The differences in F1 after swapping posts: shape (replicates,).

    Args:
        first: counts of a system, (seeds, posts, 3).
        second: counts of the other, of the same shape.
        among: which posts the columns of `swaps` stand for, (posts,).
        swaps: 1 where a replicate swaps the two outputs of a post, (replicates, chosen posts).
    """
    change = _weighted_sums(swaps, (second - first)[:, among])
    return mean_f1(first.sum(axis=1) + change) - mean_f1(second.sum(axis=1) - change)


def bootstrap_f1(
    counts: Integers, *, confidence: float = 0.95, replicates: int = 10_000, seed: int = 0
) -> Interval:
    """The percentile interval of a system's F1 over posts drawn with replacement.

    Source: Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.

    Raises:
        ValueError: unless `counts` is (seeds, posts, 3) with posts, `confidence` lies between 0
            and 1, and `replicates` is positive.
    """
    _check(counts)
    value = float(mean_f1(counts.sum(axis=1)))
    draws = _draws(counts.shape[1], replicates, seed)
    values = np.concatenate([mean_f1(_weighted_sums(drawn, counts)) for drawn in draws])
    return _interval(value, values, confidence)


def bootstrap_difference(
    first: Integers,
    second: Integers,
    *,
    confidence: float = 0.95,
    replicates: int = 10_000,
    seed: int = 0,
) -> Interval:
    """The percentile interval of first - second, both scored on the same drawn posts.

    Raises:
        ValueError: as `randomization_test` and `bootstrap_f1`; the numbers of seeds may differ.
    """
    _check_pair(first, second, same_seeds=False)
    value = float(mean_f1(first.sum(axis=1)) - mean_f1(second.sum(axis=1)))
    values = [
        mean_f1(_weighted_sums(drawn, first)) - mean_f1(_weighted_sums(drawn, second))
        for drawn in _draws(first.shape[1], replicates, seed)
    ]
    return _interval(value, np.concatenate(values), confidence)


def bootstrap_ranking(
    systems: Sequence[Integers],
    *,
    confidence: float = 0.95,
    replicates: int = 10_000,
    seed: int = 0,
) -> tuple[list[Interval], list[Interval]]:
    """The intervals of several systems' F1, and of each system's less the next one's.

    They are those of `bootstrap_f1` and `bootstrap_difference`; drawing the posts once for all
    systems takes a tenth of the time for eight of them.

    Raises:
        ValueError: as `bootstrap_difference`, and without a system.
    """
    if not systems:
        raise ValueError("no system to rank")
    for counts in systems:
        _check_pair(systems[0], counts, same_seeds=False)
    together = np.concatenate(systems)  # (seeds of all systems, posts, 3)
    ends = np.cumsum([len(counts) for counts in systems])[:-1]
    drawn = [
        [mean_f1(sums) for sums in np.split(_weighted_sums(weights, together), ends, axis=1)]
        for weights in _draws(together.shape[1], replicates, seed)
    ]
    values = [np.concatenate(of_system) for of_system in zip(*drawn, strict=True)]
    observed = [float(mean_f1(counts.sum(axis=1))) for counts in systems]
    alone = [_interval(*pair, confidence) for pair in zip(observed, values, strict=True)]
    between = [
        _interval(observed[i] - observed[i + 1], values[i] - values[i + 1], confidence)
        for i in range(len(systems) - 1)
    ]
    return alone, between


def _chunks(replicates: int) -> Iterator[int]:
    if replicates < 1:
        raise ValueError(f"replicates: {replicates} is not positive")
    for begin in range(0, replicates, CHUNK):
        yield min(CHUNK, replicates - begin)


def _draws(posts: int, replicates: int, seed: int) -> Iterator[Integers]:
    """How often each post is drawn in each replicate: (replicates of a chunk, posts)."""
    rng = np.random.default_rng(seed)
    for rows in _chunks(replicates):
        drawn = rng.integers(0, posts, size=(rows, posts))
        flat = drawn + posts * np.arange(rows)[:, None]
        yield np.bincount(flat.ravel(), minlength=rows * posts).reshape(rows, posts)


def _weighted_sums(weights: npt.NDArray[np.integer], counts: Integers) -> Floats:
    """Sums over posts, (replicates, seeds, 3), of weights (replicates, posts) times counts.

    Floats keep the product fast; sums of counts stay far below 2**53, so they are exact.
    """
    seeds, posts, _ = counts.shape
    columns = counts.transpose(1, 0, 2).reshape(posts, seeds * 3).astype(np.float64)
    sums: Floats = weights.astype(np.float64) @ columns  # (replicates, seeds * 3)
    return sums.reshape(len(weights), seeds, 3)


def _interval(value: float, values: Floats, confidence: float) -> Interval:
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence: {confidence} does not lie between 0 and 1")
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(values, [tail, 1.0 - tail])
    return Interval(value, float(low), float(high), confidence, len(values))


def _check(counts: Integers) -> None:
    if counts.ndim != 3 or counts.shape[2] != 3 or 0 in counts.shape:
        raise ValueError(f"counts of shape {counts.shape}: expected (seeds, posts, 3), not empty")


def _check_pair(first: Integers, second: Integers, *, same_seeds: bool = True) -> None:
    _check(first)
    _check(second)
    if same_seeds and len(first) != len(second):
        raise ValueError(
            f"{len(first)} and {len(second)} seeds: swapping outputs needs as many of both systems"
        )
    # The gold is the same for every seed, so that of the first stands for all.
    if first.shape[1] != second.shape[1] or not np.array_equal(first[0, :, 2], second[0, :, 2]):
        raise ValueError("the two systems were not scored on the same posts: their gold differs")
