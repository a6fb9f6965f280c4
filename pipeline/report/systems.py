"""The systems of a report: their scores, what they said of the posts of test, and their curves."""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.corpus.posts import Post
from pipeline.errors import PipelineError
from pipeline.evaluation.explanations import names_of, read_explanations
from pipeline.evaluation.leaderboard import Split, read_ranked
from pipeline.evaluation.predictions import read_predictions
from pipeline.evaluation.results import Result
from pipeline.evaluation.scoring import span_counts
from pipeline.metrics.spans import Span, strict_spans
from pipeline.report.files import ReportFiles

SPLIT = "test"
CURVES = {"dev_f1": "strict F1 of dev", "loss": "training loss"}  # curve -> its title


@dataclass(frozen=True)
class Looked:
    """What the first seed looked at, and the names of the values of its kinds."""

    table: pa.Table  # `pipeline.evaluation.explanations`
    names: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Tagged:
    """A system and what it said of the posts of test, in their order."""

    rank: int
    result: Result
    found: Mapping[int, Sequence[Sequence[Span]]]  # seed -> the strict spans of each post
    counts: npt.NDArray[np.int64]  # correct, predicted and gold spans, (seeds, posts, 3)
    looked: Looked
    curves: Mapping[str, Mapping[str, Sequence[float]]]  # curve -> seed's name -> by epoch

    @property
    def name(self) -> str:
        """The system's name."""
        return self.result.system

    @property
    def first(self) -> Sequence[Sequence[Span]]:
        """The spans that the first seed found: the one whose weights and gates are known."""
        seeds = self.looked.table["seed"]
        return self.found[seeds[0].as_py() if len(seeds) else min(self.found)]


def read_systems(files: ReportFiles, posts: Sequence[Post], order_by: Split) -> list[Tagged]:
    """Read every system whose details are there, in the order of the leaderboard.

    Raises:
        PipelineError: if no system was evaluated, or a file of one is missing or does not fit.
    """
    ranked = read_ranked(sorted(files.details.glob("*.json")), order_by)
    return [_read(files, posts, rank, result) for rank, result in ranked]


def _read(files: ReportFiles, posts: Sequence[Post], rank: int, result: Result) -> Tagged:
    name = result.system
    predictions = read_predictions(files.predictions / f"{name}.parquet", posts)
    found: dict[int, list[Sequence[Span]]] = {}
    for row in predictions:  # by seed, then in the order of the posts
        if row.split == SPLIT:
            found.setdefault(row.seed, []).append(strict_spans(row.predicted))
    looked = _looked(files.predictions / "explanations" / f"{name}.parquet", posts, found)
    return Tagged(
        rank=rank,
        result=result,
        found=found,
        counts=span_counts(posts, predictions, SPLIT),
        looked=looked,
        curves=_curves(files.curves / name),
    )


def _looked(path: Path, posts: Sequence[Post], seeds: Collection[int]) -> Looked:
    table = read_explanations(path)
    known = {post.post for post in posts if post.split == SPLIT}
    fits = set(table["post"].unique().to_pylist()) <= known
    if not fits or not set(table["seed"].unique().to_pylist()) <= set(seeds):
        raise PipelineError(
            f"{path}: of other posts or seeds than the predictions; run"
            f" `dvc repro evaluate_{path.stem}`"
        )
    return Looked(table, names_of(table, path))


def _curves(folder: Path) -> dict[str, dict[str, list[float]]]:
    """Curve -> seed -> its values by epoch, as `pipeline.training.curves` writes them."""
    curves: dict[str, dict[str, list[float]]] = {}
    for name in CURVES:
        paths = sorted(folder.glob(f"*/plots/metrics/{name}.tsv"))
        curves[name] = {path.parents[2].name: _values(path) for path in paths}
    if not all(by_seed and all(by_seed.values()) for by_seed in curves.values()):
        raise PipelineError(f"{folder}: no learning curves; run `dvc repro train_{folder.name}`")
    return curves


def _values(path: Path) -> list[float]:
    """The column of the file's name; nothing of a file that has none."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [float(row[path.stem]) for row in csv.DictReader(file, delimiter="\t")]
    except (KeyError, TypeError, ValueError):
        return []
