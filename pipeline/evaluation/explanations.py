"""What a system looked at while it tagged: its weights and gates as a table, one row a token.

`predictions/explanations/SYSTEM.parquet` holds the posts of test, as the first seed saw them:

| column | type | what it holds |
|---|---|---|
| `post` | string | the post, as in `features/posts.parquet` |
| `seed` | int64 | the seed of the network |
| `token` | int32 | the token's place in the post, from 0 |
| `kind` | string | what the values are; the system's file names its kinds |
| `values` | list<float32> | one for each region, word or modality; one alone for a scalar gate |

Rows are ordered by post (as in the table of posts), token and kind. A kind that had no part in a
token's tag has no row for it: a post without a usable image has no weights over regions and no
gates of the image. A list ends where its post does, so weights over words have one value for each
token of the post. A system with nothing to show writes the table without rows.

The metadata of the schema hold `names`, a JSON object: for a kind whose values are neither regions
nor words, what each of them stands for.

Values over regions run row by row over the image's grid, as the feature store keeps them: 49 values
are 7 rows of 7, from the upper left.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.corpus.posts import Post
from pipeline.errors import PipelineError
from pipeline.tables.parquet import read_table, write_table

if TYPE_CHECKING:  # or whoever reads a table would wait for torch
    from pipeline.training.tagger import Looked

SCHEMA = pa.schema(
    [
        pa.field("post", pa.string(), nullable=False),
        pa.field("seed", pa.int64(), nullable=False),
        pa.field("token", pa.int32(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("values", pa.list_(pa.field("element", pa.float32(), nullable=False))),
    ]
)

NAMES = b"names"  # key in the metadata of the schema


def write_explanations(
    tables: Iterable[pa.Table], path: Path, names: Mapping[str, Sequence[str]]
) -> None:
    """Write the tables that `tabulate` made, one after the other.

    Args:
        tables: of one seed.
        path: where they go.
        names: kind -> what each of its values stands for (`System.looked_at`).
    """
    table = pa.concat_tables([SCHEMA.empty_table(), *tables]).combine_chunks()
    said = json.dumps({kind: list(of_kind) for kind, of_kind in names.items()}, sort_keys=True)
    write_table(table.replace_schema_metadata({NAMES: said.encode()}), path)


def read_explanations(path: Path) -> pa.Table:
    """Read what `write_explanations` wrote: a table of `SCHEMA`.

    Raises:
        PipelineError: naming the file, if it is missing, damaged, or has other columns.
    """
    return read_table(path, SCHEMA, f"evaluate_{path.stem}")


def names_of(table: pa.Table, path: Path) -> dict[str, list[str]]:
    """Kind -> what each of its values stands for, as the table read from `path` says.

    Raises:
        PipelineError: if it says nothing of it.
    """
    metadata = table.schema.metadata or {}
    if NAMES not in metadata:
        stage = f"evaluate_{path.stem}"
        raise PipelineError(
            f"{path}: does not name what its values are of; run `dvc repro {stage}`"
        )
    names: dict[str, list[str]] = json.loads(metadata[NAMES])
    return names


def tabulate(posts: Sequence[Post], seed: int, looked: Looked) -> pa.Table:
    """Make one batch of B posts into rows of `SCHEMA`.

    Args:
        posts: the posts of the batch.
        seed: the network's.
        looked: kind -> (B, T, k); NaN is left out (`System.explain`).

    Raises:
        ValueError: for a NaN before a number: the places of the values would lose their meaning.
    """
    rows = [
        (post.post, seed, token, kind, values)
        for place, post in enumerate(posts)
        for token in range(len(post.tokens))
        for kind in sorted(looked)
        if (values := _there(looked[kind][place, token], kind)).size
    ]
    columns = zip(*rows, strict=True) if rows else [()] * len(SCHEMA)
    arrays = [
        pa.array(list(column), field.type) for column, field in zip(columns, SCHEMA, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _there(values: npt.NDArray[np.float32], kind: str) -> npt.NDArray[np.float32]:
    """The values (k,) up to the first NaN."""
    absent = np.isnan(values)
    there: npt.NDArray[np.float32] = values[~absent]
    if absent[: len(there)].any():
        raise ValueError(f"{kind}: NaN before a number in {values.tolist()}")
    return there
