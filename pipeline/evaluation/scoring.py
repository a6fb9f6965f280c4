"""Score a system's predictions against the gold of the posts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence, Set

import numpy as np
import numpy.typing as npt

from pipeline.corpus.posts import Post
from pipeline.errors import PipelineError
from pipeline.evaluation.predictions import Prediction, check_predictions
from pipeline.evaluation.results import SPLITS, Result, SplitResult
from pipeline.metrics.scores import Tree, count, score
from pipeline.metrics.spans import Reading
from pipeline.training.setting import Setting


def score_system(
    posts: Sequence[Post],
    predictions: Sequence[Prediction],
    *,
    system: str,
    dataset: str,
    setting: Setting,
    pictures: Set[str],
) -> tuple[Tree, Tree]:
    """Score the predictions of every seed on dev and test.

    Args:
        posts: the gold.
        predictions: those of every seed, for every post of the two splits.
        system: its name.
        dataset: the corpus's name.
        setting: what it was trained in.
        pictures: the ids of the images that it could see.

    Returns:
        The headline and the details, as `Result.headline` and `Result.details` describe them.

    Raises:
        PipelineError: if predictions and posts do not fit (see `check_predictions`), or a seed
            did not predict dev and test.
    """
    check_predictions(predictions, posts, system)
    splits = {split: _score_split(posts, predictions, split, system, pictures) for split in SPLITS}
    result = Result(system, dataset, setting, splits)
    return result.headline(), result.details()


def span_counts(
    posts: Sequence[Post],
    predictions: Sequence[Prediction],
    split: str,
    reading: Reading = "strict",
) -> npt.NDArray[np.int64]:
    """Count the spans of each post of `split`, as `pipeline.metrics.significance` compares them.

    Returns:
        Correct, predicted and gold spans, (seeds, posts, 3), seeds ascending, posts in order.

    Raises:
        PipelineError: if predictions and posts do not fit, or none is of `split`.
    """
    where = f"spans of {split}"
    check_predictions(predictions, posts, where)
    gold, by_seed = _of_split(posts, predictions, split, where)
    return np.array(
        [
            [
                _totals(post.labels, labels, reading)
                for post, labels in zip(gold, predicted, strict=True)
            ]
            for predicted in by_seed.values()
        ],
        dtype=np.int64,
    )


def _score_split(
    posts: Sequence[Post],
    predictions: Sequence[Prediction],
    split: str,
    system: str,
    pictures: Set[str],
) -> SplitResult:
    gold, by_seed = _of_split(posts, predictions, split, system)
    labels = [post.labels for post in gold]
    return SplitResult(
        posts=len(gold),
        with_image=sum(post.image in pictures for post in gold),
        gold_sha256=_digest(gold),
        scores={seed: score(labels, predicted) for seed, predicted in by_seed.items()},
        truncated={
            seed: sum(len(p) < len(g) for p, g in zip(predicted, labels, strict=True))
            for seed, predicted in by_seed.items()
        },
    )


def _of_split(
    posts: Sequence[Post], predictions: Sequence[Prediction], split: str, where: str
) -> tuple[list[Post], dict[int, list[tuple[str, ...]]]]:
    """The posts of a split, and by seed the labels predicted for them, in their order."""
    gold = [post for post in posts if post.split == split]
    found = {(row.seed, row.post): row.predicted for row in predictions if row.split == split}
    if not found:
        raise PipelineError(f"{where}: no predictions for the split {split!r}")
    seeds = sorted({seed for seed, _ in found})
    return gold, {seed: [found[seed, post.post] for post in gold] for seed in seeds}


def _totals(gold: Sequence[str], predicted: Sequence[str], reading: Reading) -> list[int]:
    by_type = count(gold, predicted, reading).values()
    return [
        sum(counts.correct for counts in by_type),
        sum(counts.predicted for counts in by_type),
        sum(counts.gold for counts in by_type),
    ]


def _digest(posts: Sequence[Post]) -> str:
    """SHA-256 of one line of JSON a post: its name, tokens and labels."""
    digest = hashlib.sha256()
    for post in posts:
        digest.update(json.dumps([post.post, post.tokens, post.labels]).encode() + b"\n")
    return digest.hexdigest()
