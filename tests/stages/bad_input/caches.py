"""Tables and stores that other stages or other people wrote."""

import json
import os
import shutil
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.stages.bad_input.case import Case, Spoil, cut, gone, put
from tests.stages.conftest import POST, Project

POSTS, WORDS = "features/posts.parquet", "features/vocab/words.parquet"
STORE = "features/tags"
SHARD = "features/tags/[0-9]*.h5"


def other(name: str, source: str) -> Spoil:
    """Replace a file by another one."""
    return lambda project: shutil.copy(project.path / source, project.path / name)


def another_vocabulary(project: Project) -> None:
    """Make the vocabulary anew after the vectors."""
    project.write("train.txt", POST.format(image="a").replace("Bob", "Zoe"))
    project.passes("prepare")
    project.passes("vocab")


def promising(project: Project) -> None:
    """Write 640 KB that are a table of 400 million rows."""
    column = pa.nulls(400_000_000)
    pq.write_table(pa.table({"post": column}), project.path / POSTS, row_group_size=len(column))


_tables = partial(Case, run="vocab")
TABLES = [
    _tables("an empty table", put(POSTS, b""), f"{POSTS}: not a sound Parquet file"),
    Case(
        "a text as table",
        put(POSTS, b"no table"),
        f"{POSTS}: not a sound Parquet file",
        "index_images",
    ),
    Case("a table cut off", cut(WORDS, 0.9), f"{WORDS}: not a sound Parquet file", "vectors"),
    _tables(
        "a table of something else",
        other(POSTS, "features/images.parquet"),
        f"{POSTS}: expected columns",
    ),
    _tables(
        "400 million rows in 640 KB",
        promising,
        f"{POSTS}: not a sound Parquet file (its … bytes promise 400,000,000 rows",
    ),
    Case(
        "vectors of another vocabulary",
        another_vocabulary,
        "features/vectors/mine.parquet: 1 words of the vocabulary",
        "train",
    ),
    Case(
        "details that are empty",
        put("metrics/details/d.json", ""),
        "metrics/details/d.json: ",
        "leaderboard",
    ),
    Case(
        "details with NaN",
        put("metrics/details/d.json", '{"system": NaN}'),
        "metrics/details/d.json: ",
        "leaderboard",
    ),
    Case(
        "details nested 100,000 deep",
        put("metrics/details/d.json", "[" * 100_000),
        "metrics/details/d.json: damaged",
        "leaderboard",
    ),
]


def shard(project: Project) -> Path:
    """A shard of the store."""
    return next(iter(sorted(project.path.glob(SHARD))))


def zeros(project: Project) -> None:
    """Make a shard of zeros, of the length that the index knows."""
    path = shard(project)
    path.write_bytes(bytes(path.stat().st_size))


def edited(**values: object) -> Spoil:
    """Set keys of store.json."""

    def spoil(project: Project) -> None:
        path = project.path / STORE / "store.json"
        path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **values}), "utf-8")

    return spoil


def other_store(project: Project) -> None:
    """Make a store of one image of another fingerprint."""
    project.params(lambda tree: tree["extract"]["tags"].update(outputs=["logits"]))
    project.passes("extract", store="features/regions")


AGAIN = "…Run `dvc pull features/tags`, or run the extraction again"
_stores = partial(Case, run="tags")
STORES = [
    _stores(
        "no store",
        lambda project: shutil.rmtree(project.path / STORE) or (project.path / STORE).mkdir(),
        "features/tags: no feature store, or not all of it",
    ),
    _stores(
        "no index",
        gone(f"{STORE}/index.parquet"),
        "features/tags: no feature store, or not all of it",
    ),
    _stores(
        "half a pull",
        lambda project: shard(project).unlink(),
        "features/tags: 1 of 1 shards are not there" + AGAIN,
    ),
    _stores(
        "a shard cut off",
        lambda project: os.truncate(shard(project), 100),
        "features/tags: 1 of 1 shards are not there as the index has them: …(100 bytes)",
    ),
    _stores(
        "a shard of zeros",
        zeros,
        "features/tags/…not a whole shard…delete it and run `dvc pull features/tags`",
    ),
    _stores(
        "an index that is none",
        put(f"{STORE}/index.parquet", "x"),
        "features/tags/index.parquet: not the index of a store",
    ),
    _stores(
        "a summary that is none",
        put(f"{STORE}/store.json", "[]"),
        "features/tags/store.json: not the summary of a store",
    ),
    _stores(
        "a summary nested 100,000 deep",
        put(f"{STORE}/store.json", "[" * 100_000),
        "features/tags/store.json: not the summary of a store",
    ),
    _stores(
        "an edited summary",
        edited(rows=9),
        "features/tags/store.json: it does not belong to index.parquet",
    ),
    _stores(
        "a fingerprint that climbs",
        edited(fingerprint={"backbone": "../../x"}),
        "features/tags/store.json: not the summary of a store",
    ),
    Case(
        "a store of another fingerprint, merged",
        other_store,
        "features/regions: not of the fingerprint of features/tags: outputs ",
        "mner merge features/tags features/regions",
    ),
    Case(
        "a folder that is no store, merged",
        put("empty/x", ""),
        "empty: no feature store",
        "mner merge features/tags empty",
    ),
]
