"""The two files that describe a store: `index.parquet` and `store.json`.

`index.parquet` has one row for each image, sorted by sha256: sha256 (string), shard (string, the
name of the file), row (int32, the place within the shard), bytes (int64, the size of the shard's
file). `store.json` holds the fingerprint, the counts and the digest of all keys.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.errors import PipelineError
from pipeline.files import closed_file, json_bytes, write_bytes
from pipeline.fingerprint import Fingerprint
from pipeline.store.keys import (
    CHUNK,
    Keys,
    ascending,
    from_bytes,
    is_shard_name,
    keys_digest,
    pack,
    place_of,
    shard_name,
    unpack,
)
from pipeline.store.shelf import Shelf
from pipeline.tables.parquet import check_promise

INDEX = "index.parquet"
SUMMARY = "store.json"
READ = 1 << 14  # rows of the index that are read at a time
BLOCK = 1 << 20  # bytes that are compared at a time
# What reading JSON of something else may raise.
NOT_THIS = (ValueError, KeyError, TypeError, AttributeError, RecursionError)
TORN = "its shards, rows and bytes do not go together"
SCHEMA = pa.schema(
    [
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("shard", pa.string(), nullable=False),
        pa.field("row", pa.int32(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
    ]
)


@dataclass(frozen=True, eq=False)  # two arrays do not compare to one bool
class Index:
    """The images of a store: shard s holds keys[starts[s]:starts[s + 1]] in this order.

    Attributes:
        keys: the keys of all images, (n,), ascending.
        names: the names of the k shard files in ASCII, in the order of their keys, (k,) bytes.
        starts: where the keys of each shard begin, and n at the end: (k + 1,) int64.
        lengths: the bytes of each shard file, (k,) int64.
    """

    keys: Keys
    names: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray

    @cached_property
    def counts(self) -> np.ndarray:
        """The number of rows of each shard, (k,) int64."""
        return np.diff(self.starts)

    def name(self, shard: int) -> str:
        """The name of one shard's file."""
        name: bytes = self.names[shard]
        return name.decode("ascii")

    def shard_keys(self, shard: int) -> Keys:
        """The keys of one shard, ascending."""
        return self.keys[self.starts[shard] : self.starts[shard + 1]]

    def named_under(self, digest: str) -> Iterator[bool]:
        """Say for each shard whether its name fits its keys and the fingerprint of `digest`."""
        for shard in range(len(self.names)):
            number, of = place_of(self.name(shard))
            yield self.name(shard) == shard_name(number, of, digest, self.shard_keys(shard))


def write_index(directory: Path, shelf: Shelf, fingerprint: Fingerprint) -> None:
    """Write each of the two files if it changes; an unchanged store keeps its times."""
    sink = io.BytesIO()
    form = {"compression": "zstd", "use_dictionary": ["shard", "bytes"], "store_schema": False}
    with pq.ParquetWriter(sink, SCHEMA, **form) as writer:
        for first, stop in _stretches(shelf.starts):
            writer.write_table(_table(shelf, first, stop))
    _write_changed(directory / INDEX, sink.getbuffer())
    summary = {
        "fingerprint": fingerprint.to_json(),
        "digest": fingerprint.digest,
        "rows": len(shelf.keys),
        "shards": len(shelf),
        "keys_sha256": keys_digest(shelf.keys),
    }
    _write_changed(directory / SUMMARY, json_bytes(summary))


def read_index(directory: Path) -> Index:
    """Read `index.parquet`.

    Raises:
        PipelineError: if the file is absent, broken or edited.
        ClosedFileError: if it may not be read.
    """
    path = directory / INDEX
    try:
        with pq.ParquetFile(path) as file:
            check_promise(path, file.metadata)
            if not file.schema_arrow.equals(SCHEMA):
                raise ValueError(f"its columns are {file.schema_arrow.names}, not {SCHEMA.names}")
            return _parse(file)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise closed_file(path, error) or PipelineError(
            f"{path}: not the index of a store: {_line(error)}"
        ) from None


def read_summary(directory: Path, index: Index) -> Fingerprint:
    """Read `store.json`, and check that it was written together with `index`.

    Raises:
        PipelineError: if the file is broken, or if the two do not belong together.
        ClosedFileError: if it may not be read.
    """
    path = directory / SUMMARY
    try:
        tree = json.loads(path.read_bytes())
        fingerprint = Fingerprint.from_json(tree["fingerprint"])
        stated = [tree[name] for name in ("digest", "rows", "shards", "keys_sha256")]
    except (OSError, *NOT_THIS) as error:
        raise closed_file(path, error) or PipelineError(
            f"{path}: not the summary of a store: {_line(error)}"
        ) from None
    digest = fingerprint.digest
    found = [digest, len(index.keys), len(index.names), keys_digest(index.keys)]
    if stated != found or not all(index.named_under(digest)):
        raise PipelineError(
            f"{path}: it does not belong to {INDEX} beside it: it says {stated[1]} rows in"
            f" {stated[2]} shards, the index has {found[1]} in {found[2]}, or another set of them"
            " or another fingerprint"
        )
    return fingerprint


def _stretches(starts: np.ndarray) -> Iterator[tuple[int, int]]:
    """Divide the shards into stretches of about CHUNK rows; without a row there is one."""
    first, last = 0, len(starts) - 1
    while first < last or first == 0:
        stop = int(np.searchsorted(starts, starts[first] + CHUNK, side="right")) - 1
        stop = min(max(stop, first + 1), last)
        yield first, stop
        first = max(stop, 1)


def _table(shelf: Shelf, first: int, stop: int) -> pa.Table:
    """The rows of the index for the shards from `first` to `stop`."""
    counts = shelf.counts[first:stop]
    names = np.array([shelf.part(at).name for at in range(first, stop)], object)
    keys = shelf.keys[shelf.starts[first] : shelf.starts[stop]]
    return pa.table(
        [
            pa.array(unpack(keys), pa.string()),
            pa.array(np.repeat(names, counts), pa.string()),
            pa.array(_row_numbers(counts), pa.int32()),
            pa.array(np.repeat(shelf.sizes[first:stop], counts), pa.int64()),
        ],
        schema=SCHEMA,
    )


def _parse(file: pq.ParquetFile) -> Index:
    """Read the table part by part, and check that it is the index of a store.

    Raises:
        ValueError: if it is not.
    """
    content, names, counts, lengths = bytearray(), [b""], [0], [0]
    for batch in _batches(file):
        content += pack(batch["sha256"].to_pylist()).tobytes()
        runs = pc.run_end_encode(batch["shard"])
        many = np.diff(runs.run_ends.to_numpy(), prepend=0)
        found = [name.encode("ascii") for name in runs.values.to_pylist()]
        carried = counts[-1] if found[:1] == names[-1:] else 0  # a shard lies in two batches
        rows, held = _row_numbers(many), batch["bytes"].to_numpy()
        rows[: many[0]] += carried
        firsts = held[np.cumsum(many) - many]
        if (batch["row"].to_numpy() != rows).any() or (held != np.repeat(firsts, many)).any():
            raise ValueError(TORN)
        if carried:
            if firsts[0] != lengths[-1]:
                raise ValueError(TORN)
            counts[-1] += int(many[0])
            found, many, firsts = found[1:], many[1:], firsts[1:]
        names += found
        counts += many.tolist()
        lengths += firsts.tolist()
    keys = from_bytes(content)
    if not ascending(keys):
        raise ValueError("its sha256 are not ascending")
    starts = np.cumsum(counts, dtype=np.int64)
    if not all(is_shard_name(name.decode("ascii")) for name in names[1:]):
        raise ValueError(TORN)
    index = Index(keys, np.array(names[1:], bytes), starts, np.array(lengths[1:], np.int64))
    if not _in_place(index):
        raise ValueError(TORN)
    return index


def _batches(file: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
    """Yield the rows in parts, none of which is empty.

    Arrow would hold several row groups at a time if it were asked for all of them at once.
    """
    for group in range(file.num_row_groups):
        batches = file.iter_batches(READ, row_groups=[group], use_threads=False)
        yield from (batch for batch in batches if len(batch))


def _in_place(index: Index) -> bool:
    """Whether each key lies in its own shard, and all names give the same number of shards."""
    if not len(index.names):
        return True
    of = place_of(index.name(0))[1]
    if of & (of - 1) or not of:
        return False
    shelf = Shelf(index.keys, of, "")
    return np.array_equal(shelf.starts, index.starts) and all(
        place_of(index.name(at)) == (number, of) for at, number in enumerate(shelf.numbers.tolist())
    )


def _row_numbers(counts: np.ndarray) -> np.ndarray:
    """The place of each row within its shard."""
    ends = np.cumsum(counts)
    numbers: np.ndarray = np.arange(counts.sum()) - np.repeat(ends - counts, counts)
    return numbers


def _write_changed(path: Path, content: bytes | memoryview) -> None:
    if not path.exists() or not _holds(path, memoryview(content)):
        write_bytes(path, content)


def _holds(path: Path, content: memoryview) -> bool:
    """Whether a file has this content; of a large one, a part at a time is in memory."""
    with path.open("rb") as file:
        for start in range(0, len(content), BLOCK):
            if file.read(BLOCK) != content[start : start + BLOCK]:
                return False
        return not file.read(1)


def _line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__} {error}".split())
