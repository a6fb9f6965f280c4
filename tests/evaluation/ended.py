"""Experiments that have ended, for tests of what is collected from them."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.corpus.posts import Post, write_posts
from pipeline.evaluation.predictions import Prediction, write_predictions
from pipeline.evaluation.scoring import score_system
from pipeline.training.setting import Setting
from tests.evaluation.conftest import PICTURES, SETTING, Predict


class Experiments:
    """What DVC's experiments would have left, by name."""

    def __init__(self, paper: str, folder: Path, posts: Sequence[Post], predict: Predict) -> None:
        self.paper, self.folder = paper, folder
        self.posts, self.predict = posts, predict
        self.files: dict[str, dict[str, bytes]] = {}

    def add(
        self,
        run: str,
        system: str,
        seeds: Sequence[int],
        but: dict[str, str],
        setting: Setting = SETTING,
    ) -> None:
        rows = [row for seed in seeds for row in self.predict(seed, but if seed == 1 else {})]
        named: dict[str, Any] = {"system": system, "dataset": "tiny", "setting": setting}
        _, details = score_system(self.posts, rows, **named, pictures=PICTURES)
        posts, table = self.folder / "posts.parquet", self.folder / "p.parquet"
        write_posts(list(self.posts), posts)
        write_predictions(rows, table, self.posts, setting)
        self.files[f"{self.paper}-{run}"] = {
            f"metrics/details/{system}.json": json.dumps(details).encode(),
            f"predictions/{system}.parquet": table.read_bytes(),
            "features/posts.parquet": posts.read_bytes(),
        }

    def read(self, experiment: str, paths: Sequence[str]) -> dict[str, bytes] | None:
        files = self.files.get(experiment)
        return files and {path: files[path] for path in paths}


def relabelled(
    posts: Sequence[Post], predict: Predict, change: Callable[[str], str]
) -> tuple[list[Post], Predict]:
    """The posts, and what predicts them, with each label changed."""

    def predict_changed(seed: int, but: dict[str, str] | None = None) -> list[Prediction]:
        return [
            replace(row, predicted=tuple(map(change, row.predicted))) for row in predict(seed, but)
        ]

    return [
        replace(post, labels=tuple(map(change, post.labels))) for post in posts
    ], predict_changed
