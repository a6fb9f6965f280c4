"""The two files that describe a store: `index.parquet` and `store.json`.

`index.parquet` has one row for each image, sorted by sha256: sha256 (string), shard (string, the
name of the file), row (int32, the place within the shard), bytes (int64, the size of the shard's
file). `store.json` holds the fingerprint, the counts and the digest of all keys.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import PipelineError
from pipeline.files import json_bytes, write_bytes
from pipeline.fingerprint import Fingerprint
from pipeline.store.keys import (
    Keys,
    ascending,
    from_bytes,
    is_shard_name,
    keys_digest,
    pack,
    place_of,
    shard_name,
    shard_numbers,
    unpack,
)

INDEX = "index.parquet"
SUMMARY = "store.json"
SCHEMA = pa.schema(
    [
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("shard", pa.string(), nullable=False),
        pa.field("row", pa.int32(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
    ]
)


@dataclass(frozen=True)
class Index:
    """The images of a store: shard s holds keys[starts[s]:starts[s + 1]] in this order.

    Attributes:
        keys: the keys of all images, (n,), ascending.
        names: the names of the shard files, in the order of their keys.
        starts: where the keys of each shard begin, and n at the end: (len(names) + 1,) int64.
        sizes: the bytes of each shard file, (len(names),) int64.
    """

    keys: Keys
    names: tuple[str, ...]
    starts: np.ndarray
    sizes: np.ndarray

    @cached_property
    def counts(self) -> np.ndarray:
        """The number of rows of each shard, (len(names),) int64."""
        return np.diff(self.starts)

    def shard_keys(self, shard: int) -> Keys:
        """The keys of one shard, ascending."""
        return self.keys[self.starts[shard] : self.starts[shard + 1]]

    def named_under(self, digest: str) -> Iterator[bool]:
        """Say for each shard whether its name fits its keys and the fingerprint of `digest`."""
        for shard, name in enumerate(self.names):
            number, of = place_of(name)
            yield name == shard_name(number, of, digest, self.shard_keys(shard))


def make_index(shards: Sequence[tuple[str, int, Keys]]) -> Index:
    """Make an index of shards, given in the order of their keys as (file name, bytes, keys)."""
    counts = [len(keys) for _, _, keys in shards]
    return Index(
        keys=from_bytes(b"".join(keys.tobytes() for _, _, keys in shards)),
        names=tuple(name for name, _, _ in shards),
        starts=np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64),
        sizes=np.array([length for _, length, _ in shards], np.int64),
    )


def write_index(directory: Path, index: Index, fingerprint: Fingerprint) -> None:
    """Write each of the two files if it changes; an unchanged store keeps its times."""
    table = pa.table(
        [
            pa.array(unpack(index.keys), pa.string()),
            pa.array(np.repeat(np.array(index.names, object), index.counts), pa.string()),
            pa.array(_row_numbers(index.starts), pa.int32()),
            pa.array(np.repeat(index.sizes, index.counts), pa.int64()),
        ],
        schema=SCHEMA,
    )
    sink = io.BytesIO()
    pq.write_table(
        table, sink, compression="zstd", use_dictionary=["shard", "bytes"], store_schema=False
    )
    _write_changed(directory / INDEX, sink.getvalue())
    summary = {
        "fingerprint": fingerprint.to_json(),
        "digest": fingerprint.digest,
        "rows": len(index.keys),
        "shards": len(index.names),
        "keys_sha256": keys_digest(index.keys),
    }
    _write_changed(directory / SUMMARY, json_bytes(summary))


def read_index(directory: Path) -> Index:
    """Read `index.parquet`.

    Raises:
        PipelineError: if the file is absent, broken or edited.
    """
    path = directory / INDEX
    try:
        table = pq.read_table(path)
        if not table.schema.equals(SCHEMA):
            raise ValueError(f"its columns are {table.schema.names}, not {SCHEMA.names}")
        return _parse(table)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise PipelineError(f"{path}: not the index of a store: {_line(error)}") from None


def read_summary(directory: Path, index: Index) -> Fingerprint:
    """Read `store.json`, and check that it was written together with `index`.

    Raises:
        PipelineError: if the file is broken, or if the two do not belong together.
    """
    path = directory / SUMMARY
    try:
        tree = json.loads(path.read_bytes())
        fingerprint = Fingerprint.from_json(tree["fingerprint"])
        stated = [tree[name] for name in ("digest", "rows", "shards", "keys_sha256")]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise PipelineError(f"{path}: not the summary of a store: {_line(error)}") from None
    digest = fingerprint.digest
    found = [digest, len(index.keys), len(index.names), keys_digest(index.keys)]
    if stated != found or not all(index.named_under(digest)):
        raise PipelineError(
            f"{path}: it does not belong to {INDEX} beside it: it says {stated[1]} rows in"
            f" {stated[2]} shards, the index has {found[1]} in {found[2]}, or another set of images"
            " or another fingerprint"
        )
    return fingerprint


def _parse(table: pa.Table) -> Index:
    keys = pack(table["sha256"].to_pylist())
    if not ascending(keys):
        raise ValueError("its sha256 are not ascending")
    names = np.array(table["shard"].to_pylist(), object)
    first = np.flatnonzero(np.append(True, names[1:] != names[:-1])[: len(names)])
    starts = np.append(first, len(names)).astype(np.int64)
    sizes = table["bytes"].to_numpy()
    index = Index(keys, tuple(names[first]), starts, sizes[first])
    if (
        not all(map(is_shard_name, index.names))
        or not _in_place(index)
        or (table["row"].to_numpy() != _row_numbers(starts)).any()
        or (sizes != np.repeat(index.sizes, index.counts)).any()
    ):
        raise ValueError("its shards, rows and bytes do not go together")
    return index


def _in_place(index: Index) -> bool:
    """Whether each key lies in its own shard, and all names give the same number of shards."""
    places = np.array([place_of(name) for name in index.names], np.int64).reshape(-1, 2)
    of = int(places[0, 1]) if len(places) else 1
    numbers = shard_numbers(index.keys, of)
    return bool(
        of & (of - 1) == 0
        and (places[:, 1] == of).all()
        and (np.repeat(places[:, 0], index.counts) == numbers).all()
        and (np.diff(places[:, 0]) > 0).all()
    )


def _row_numbers(starts: np.ndarray) -> np.ndarray:
    counts = np.diff(starts)
    numbers: np.ndarray = np.arange(starts[-1]) - np.repeat(starts[:-1], counts)
    return numbers


def _write_changed(path: Path, content: bytes) -> None:
    if not path.exists() or path.read_bytes() != content:
        write_bytes(path, content)


def _line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__} {error}".split())
