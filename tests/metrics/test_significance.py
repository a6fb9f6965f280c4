"""The tests of significance against loops over all swaps and all draws of a few posts."""

import itertools

import numpy as np
import pytest

from pipeline.metrics.significance import (
    bootstrap_difference,
    bootstrap_f1,
    bootstrap_ranking,
    mean_f1,
    randomization_test,
    swapped_differences,
)

POSTS = 6


def system(seed: int, seeds: int, posts: int = POSTS, skill: float = 0.6) -> np.ndarray:
    """Random counts (seeds, posts, 3) on the same gold for equal `posts`."""
    gold = np.random.default_rng(7).integers(1, 4, posts)
    rng = np.random.default_rng(seed)
    correct = rng.binomial(gold, skill, (seeds, posts))
    predicted = correct + rng.binomial(2, 0.4, (seeds, posts))
    return np.stack([correct, predicted, np.broadcast_to(gold, (seeds, posts))], axis=-1)


def slow_f1(counts: list[list[list[int]]]) -> float:
    """Mean over seeds of the micro F1 of a list (seeds) of lists (posts) of triples."""
    total = 0.0
    for seed in counts:
        correct, predicted, gold = (sum(post[i] for post in seed) for i in range(3))
        precision = correct / predicted if predicted else 0.0
        recall = correct / gold if gold else 0.0
        if precision + recall:
            total += 100 * 2 * precision * recall / (precision + recall)
    return total / len(counts)


def slow_swaps(first: np.ndarray, second: np.ndarray) -> list[float]:
    """The difference under every one of the 2^posts ways to swap."""
    differences = []
    for swaps in itertools.product([0, 1], repeat=first.shape[1]):
        mine, other = [], []
        for a, b in zip(first.tolist(), second.tolist(), strict=True):  # seeds
            mine.append([b[i] if swap else a[i] for i, swap in enumerate(swaps)])
            other.append([a[i] if swap else b[i] for i, swap in enumerate(swaps)])
        differences.append(slow_f1(mine) - slow_f1(other))
    return differences


def slow_draws(counts: np.ndarray) -> list[float]:
    """F1 of every one of the posts^posts ways to draw posts with replacement."""
    posts = range(counts.shape[1])
    return [
        slow_f1([[seed[i] for i in drawn] for seed in counts.tolist()])
        for drawn in itertools.product(posts, repeat=len(posts))
    ]


@pytest.mark.parametrize("seeds", [1, 3])
def test_mean_f1(seeds: int) -> None:
    counts = system(1, seeds)
    assert mean_f1(counts.sum(axis=1)) == pytest.approx(slow_f1(counts.tolist()))
    assert mean_f1(np.zeros((2, seeds, 3))).tolist() == [0, 0]


@pytest.mark.parametrize("seeds", [1, 3])
def test_every_swap(seeds: int) -> None:
    first, second = system(1, seeds), system(2, seeds)
    swaps = np.array(list(itertools.product([0, 1], repeat=POSTS)), dtype=np.int8)
    everywhere = np.ones(POSTS, dtype=bool)
    fast = swapped_differences(first, second, everywhere, swaps)
    assert fast == pytest.approx(slow_swaps(first, second))


@pytest.mark.parametrize(("seeds", "second"), [(1, 2), (1, 3), (1, 4), (3, 2), (3, 5)])
def test_p_value_against_exact_enumeration(seeds: int, second: int) -> None:
    pair = system(1, seeds), system(second, seeds)
    differences = slow_swaps(*pair)
    extreme = [abs(d) >= abs(differences[0]) - 1e-9 for d in differences]
    exact = sum(extreme) / len(extreme)
    result = randomization_test(*pair, replicates=20_000, seed=3)
    assert result.difference == pytest.approx(differences[0])
    # 5 standard errors of a proportion of 20,000
    assert result.p_value == pytest.approx(exact, abs=5 * np.sqrt(0.25 / 20_000))
    assert 0 < exact < 1 or np.all(extreme)


def test_p_value_known_cases() -> None:
    first = system(1, 2, posts=40)
    assert randomization_test(first, first, replicates=99).p_value == 1
    gold = np.ones((1, 12), dtype=np.int64)
    right = np.stack([gold, gold, gold], axis=-1)
    wrong = np.stack([0 * gold, gold, gold], axis=-1)
    # only "swap nothing" and "swap all" are as extreme: 2 of 4096
    result = randomization_test(right, wrong, replicates=100_000, seed=5)
    assert result.difference == 100
    assert result.p_value == pytest.approx(2 / 4096, abs=2.5e-4)
    # never 0: the observed difference itself is one of the outcomes
    gold = np.ones((1, 60), dtype=np.int64)
    right = np.stack([gold, gold, gold], axis=-1)
    wrong = np.stack([0 * gold, gold, gold], axis=-1)
    assert randomization_test(right, wrong, replicates=999).p_value == 1 / 1000


def test_p_value_ignores_the_order_of_systems_and_of_posts() -> None:
    first, second = system(1, 3, posts=50), system(2, 3, posts=50)
    one = randomization_test(first, second, seed=1)
    other = randomization_test(second, first, seed=1)
    assert (one.p_value, one.difference) == (other.p_value, -other.difference)
    order = np.random.default_rng(0).permutation(50)
    shuffled = randomization_test(first[:, order], second[:, order], seed=1)
    assert shuffled.p_value == pytest.approx(one.p_value, abs=0.03)


def test_p_values_of_equal_systems_are_uniform() -> None:
    """Under the null hypothesis about a share q of the p-values lies below q."""
    values = []
    for trial in range(200):
        pair = system(2 * trial + 100, 1, posts=60), system(2 * trial + 101, 1, posts=60)
        values.append(randomization_test(*pair, replicates=199, seed=trial).p_value)
    for share in (0.1, 0.25, 0.5, 0.75):
        assert np.mean(np.array(values) <= share) == pytest.approx(share, abs=0.12)


def test_seeds_of_a_post_are_swapped_together() -> None:
    """Five copies of one seed are no more evidence than that seed."""
    first, second = system(1, 1, posts=30), system(2, 1, posts=30, skill=0.4)
    once = randomization_test(first, second, seed=1)
    copies = randomization_test(first.repeat(5, axis=0), second.repeat(5, axis=0), seed=1)
    assert copies.difference == pytest.approx(once.difference)
    assert copies.p_value == once.p_value


@pytest.mark.parametrize("seeds", [1, 2])
def test_bootstrap_against_every_draw(seeds: int) -> None:
    counts = system(1, seeds, posts=5)
    values = np.sort(slow_draws(counts))
    fast = bootstrap_f1(counts, confidence=0.8, replicates=40_000, seed=2)
    assert fast.value == pytest.approx(slow_f1(counts.tolist()))
    for end, share in ((fast.low, 0.1), (fast.high, 0.9)):
        # the end lies between the exact quantiles a little below and above its share
        around = np.quantile(values, [share - 0.01, share + 0.01])
        assert around[0] - 1e-9 <= end <= around[1] + 1e-9


def test_bootstrap_of_the_difference_against_every_draw() -> None:
    first, second = system(1, 2, posts=5), system(2, 3, posts=5)
    pairs = zip(slow_draws(first), slow_draws(second), strict=True)
    values = np.sort([a - b for a, b in pairs])
    fast = bootstrap_difference(first, second, confidence=0.9, replicates=40_000, seed=2)
    assert fast.value == pytest.approx(slow_f1(first.tolist()) - slow_f1(second.tolist()))
    for end, share in ((fast.low, 0.05), (fast.high, 0.95)):
        around = np.quantile(values, [share - 0.01, share + 0.01])
        assert around[0] - 1e-9 <= end <= around[1] + 1e-9


def test_bootstrap_known_cases() -> None:
    gold = np.ones((1, 30), dtype=np.int64)
    perfect = np.stack([gold, gold, gold], axis=-1)
    interval = bootstrap_f1(perfect, replicates=500)
    assert (interval.low, interval.value, interval.high) == (100, 100, 100)
    first = system(1, 2, posts=30)
    same = bootstrap_difference(first, first, replicates=500)
    assert (same.low, same.value, same.high) == (0, 0, 0)
    # one prediction a post, right in half of 400: F1 is a mean of coins, 50 ± 1.96 * 2.5
    half = np.stack([np.arange(400)[None] % 2, np.ones((1, 400)), np.ones((1, 400))], axis=-1)
    coins = bootstrap_f1(half.astype(np.int64), replicates=20_000)
    assert coins.low == pytest.approx(50 - 4.9, abs=0.3)
    assert coins.high == pytest.approx(50 + 4.9, abs=0.3)


def test_equal_seeds_equal_results() -> None:
    first, second = system(1, 2, posts=50), system(2, 2, posts=50)
    for function in (randomization_test, bootstrap_difference):
        assert function(first, second, replicates=1000) == function(first, second, replicates=1000)
        other = function(first, second, replicates=1000, seed=1)
        assert function(first, second, replicates=1000) != other
    # replicates come in chunks; a longer run begins with the shorter one's draws
    assert bootstrap_f1(first, replicates=300).replicates == 300


def test_faults() -> None:
    first = system(1, 2)
    with pytest.raises(ValueError, match=r"expected \(seeds, posts, 3\)"):
        bootstrap_f1(first[0])
    with pytest.raises(ValueError, match="not empty"):
        bootstrap_f1(first[:, :0])
    with pytest.raises(ValueError, match="2 and 1 seeds"):
        randomization_test(first, first[:1])
    with pytest.raises(ValueError, match="not scored on the same posts"):
        randomization_test(first, first[:, :-1])
    moved = first.copy()
    moved[:, 0, 2] += 1
    with pytest.raises(ValueError, match="not scored on the same posts"):
        bootstrap_difference(first, moved)
    with pytest.raises(ValueError, match="replicates: 0"):
        randomization_test(first, first, replicates=0)
    with pytest.raises(ValueError, match=r"confidence: 1\.0"):
        bootstrap_f1(first, confidence=1.0)


def test_a_ranking_has_the_intervals_of_each_system_and_each_pair() -> None:
    systems = [system(seed, seeds=seeds) for seed, seeds in ((1, 3), (2, 1), (3, 2))]
    drawn = {"confidence": 0.9, "replicates": 700, "seed": 4}
    alone, between = bootstrap_ranking(systems, **drawn)  # type: ignore[arg-type]
    assert alone == [bootstrap_f1(counts, **drawn) for counts in systems]  # type: ignore[arg-type]
    assert between == [
        bootstrap_difference(first, second, **drawn)  # type: ignore[arg-type]
        for first, second in itertools.pairwise(systems)
    ]
    assert bootstrap_ranking(systems[:1], replicates=9)[1] == []
    with pytest.raises(ValueError, match="no system"):
        bootstrap_ranking([])
    with pytest.raises(ValueError, match="gold differs"):
        bootstrap_ranking([systems[0], system(1, 1, posts=POSTS - 1)])
