"""The table of predictions: the labels that each seed of a system gave each post.

Gold labels and tokens stand in the table of posts alone; the two are joined by post. The metadata
of the schema hold the `setting` of the system, as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from pipeline.corpus.posts import Post
from pipeline.errors import PipelineError
from pipeline.metrics.spans import split_label
from pipeline.tables.parquet import read_table, write_table
from pipeline.training.setting import Setting

SCHEMA = pa.schema(
    [
        pa.field("post", pa.string(), nullable=False),
        pa.field("seed", pa.int64(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("predicted", pa.list_(pa.field("element", pa.string(), nullable=False))),
    ]
)

SETTING = b"setting"  # key in the metadata of the schema
SHOWN = 3  # faults named in a message; the others are counted


@dataclass(frozen=True)
class Prediction:
    """The labels that one seed gave the tokens of one post, from the first on.

    There may be fewer labels than tokens, if the system truncates; the rest counts as O.
    """

    post: str
    seed: int
    split: str
    predicted: tuple[str, ...]


def write_predictions(
    predictions: Sequence[Prediction], path: Path, posts: Sequence[Post], setting: Setting
) -> None:
    """Write the `predictions` of a system, by seed and then in the order of `posts`.

    Raises:
        PipelineError: for what `check_predictions` refuses; nothing is written then.
    """
    check_predictions(predictions, posts, str(path))
    places = {post.post: place for place, post in enumerate(posts)}
    rows = sorted(predictions, key=lambda row: (row.seed, places[row.post]))
    columns = {name: [getattr(row, name) for row in rows] for name in SCHEMA.names}
    metadata = {SETTING: json.dumps(setting.to_dict(), sort_keys=True).encode()}
    write_table(pa.table(columns, SCHEMA.with_metadata(metadata)), path)


def read_predictions(path: Path, posts: Sequence[Post]) -> list[Prediction]:
    """Read what `write_predictions` wrote, in its order, and check it against `posts`.

    Raises:
        PipelineError: naming the file, if it is missing, damaged, no table of predictions, or
            does not fit `posts` (see `check_predictions`).
    """
    columns = read_table(path, SCHEMA, f"evaluate_{path.stem}").to_pydict()
    rows = zip(*columns.values(), strict=True)
    predictions = [
        Prediction(post, seed, split, tuple(labels)) for post, seed, split, labels in rows
    ]
    check_predictions(predictions, posts, str(path))
    return predictions


def read_setting(path: Path) -> Setting:
    """The setting of the system whose predictions `write_predictions` wrote.

    Raises:
        PipelineError: naming the file, if it is missing, damaged, or says nothing of it.
    """
    stage = f"evaluate_{path.stem}"
    metadata = read_table(path, SCHEMA, stage).schema.metadata or {}
    if SETTING not in metadata:
        raise PipelineError(f"{path}: does not say what was trained; run `dvc repro {stage}`")
    return Setting.from_dict(json.loads(metadata[SETTING]))


def check_predictions(predictions: Sequence[Prediction], posts: Sequence[Post], where: str) -> None:
    """Check that every seed labels every post once, in each split that has predictions.

    Raises:
        PipelineError: beginning with `where`, if there is no prediction; if one is of an
            unknown post, in another split than its post, given twice, longer than its post or
            has a label that is not BIO; or if a seed leaves a post out.
    """
    if not predictions:
        raise PipelineError(f"{where}: no predictions")
    faults = [*_faults(predictions, {post.post: post for post in posts})]
    if not faults:  # else the same fault would be told twice, once as a missing post
        faults = [*_missing(predictions, posts)]
    if faults:
        more = f"\n... and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        raise PipelineError(
            f"{where}: predictions and posts do not belong together: evaluate the system anew"
            " on these posts\n" + "\n".join(faults[:SHOWN]) + more
        )


def _faults(predictions: Sequence[Prediction], posts: Mapping[str, Post]) -> Iterator[str]:
    seen: set[tuple[int, str]] = set()
    for row in predictions:
        name = f"post {row.post!r}, seed {row.seed}"
        post = posts.get(row.post)
        if post is None:
            yield f"{name}: no such post"
            continue
        if row.split != post.split:
            yield f"{name}: predicted in split {row.split!r}, but the post is in {post.split!r}"
        if (row.seed, row.post) in seen:
            yield f"{name}: predicted twice"
        seen.add((row.seed, row.post))
        if len(row.predicted) > len(post.tokens):
            yield f"{name}: {len(row.predicted)} labels for {len(post.tokens)} tokens"
        for label in row.predicted:
            try:
                split_label(label)
            except PipelineError as error:
                yield f"{name}: {error}"


def _missing(predictions: Sequence[Prediction], posts: Sequence[Post]) -> Iterator[str]:
    splits = {row.split for row in predictions}
    found = {(row.seed, row.post) for row in predictions}
    for seed in sorted({row.seed for row in predictions}):
        for post in posts:
            if post.split in splits and (seed, post.post) not in found:
                yield f"post {post.post!r}, seed {seed}: no prediction"
