"""One shard: an immutable HDF5 file with the rows of a few images, sorted by key.

    /                attribute "fingerprint": the digest, 64 ASCII characters
    /keys            uint8 (n, 32): the SHA-256 of each image's bytes, ascending
    /NAME            (n, *shape): one dataset for each output, little-endian
    /NAME            (steps, *shape): the rows of a ragged output, one behind the other
    /NAME.ends       int64 (n,): the step at which each of these rows ends

Datasets are contiguous and unfiltered, so that a row is one read at a known place of the file, and
every HDF5 reader understands them. Equal content gives equal bytes: the file is laid out in memory
in the oldest object format, which h5py 3.12 (HDF5 1.14) and 3.16 (HDF5 2.0) write alike.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import get_ident

import h5py
import numpy as np
import pyarrow as pa

from pipeline.errors import PipelineError
from pipeline.files import closed_file, write_bytes
from pipeline.fingerprint import Output
from pipeline.store.hdf5 import bytes_of, open_file, rows_of, text_of
from pipeline.store.keys import WIDTH, Keys, ascending, from_bytes
from pipeline.store.rows import divided, flat

KEYS = "keys"
DIGEST = "fingerprint"
ENDS = Output((), "int64")
LONGEST = 1024  # bytes of a fingerprint


class ForeignShardError(PipelineError):
    """The file is a shard that was computed under another fingerprint."""


class UnreadableShardError(PipelineError):
    """The file is no whole shard."""


@dataclass(frozen=True)
class Header:
    """What is known of a shard before its rows are read.

    Attributes:
        keys: the keys of its rows, (n,), ascending.
        offsets: by dataset, the byte of the file at which it begins.
    """

    keys: Keys
    offsets: dict[str, int]


@dataclass(frozen=True)
class Mapped:
    """The rows of one output, mapped into memory.

    Attributes:
        content: the bytes of all rows.
        bounds: where each row begins, and the end of the last: n + 1 numbers.
    """

    content: memoryview
    bounds: Sequence[int]

    def row(self, place: int) -> memoryview:
        """The bytes of one row."""
        return self.content[self.bounds[place] : self.bounds[place + 1]]


def ends_of(name: str) -> str:
    """The dataset that tells where the rows of a ragged output end; no output is named so."""
    return f"{name}.ends"


def datasets(outputs: Mapping[str, Output]) -> list[str]:
    """The datasets of a shard beside its keys."""
    return [
        dataset
        for name, output in outputs.items()
        for dataset in ([name, ends_of(name)] if output.ragged else [name])
    ]


def write_shard(path: Path, keys: Keys, arrays: Mapping[str, np.ndarray], digest: str) -> int:
    """Write a shard atomically, and return its size in bytes.

    Args:
        path: the new file.
        keys: (n,), ascending.
        arrays: for each output n rows (see `pipeline.store.rows`).
        digest: the digest of the fingerprint.

    Raises:
        NoRoomError: if the disk is full.
    """
    if not ascending(keys) or any(len(rows) != len(keys) for rows in arrays.values()):
        raise ValueError(f"{path}: a shard has ascending keys and one row for each")
    raw = np.ascontiguousarray(keys).view(np.uint8).reshape(len(keys), WIDTH)
    content = {KEYS: raw, **dict(_as_datasets(arrays))}
    forms = tuple((name, values.shape, values.dtype.str) for name, values in content.items())
    image = b"".join(
        piece if isinstance(piece, bytes) else content[piece].tobytes()
        for piece in _pieces(digest, forms)
    )
    write_bytes(path, image)
    return len(image)


@lru_cache(maxsize=64)
def _pieces(
    digest: str, forms: tuple[tuple[str, tuple[int, ...], str], ...]
) -> tuple[bytes | str, ...]:
    """Lay out a file: the bytes between the datasets, and the names of these in their places.

    HDF5 takes 0.4 ms for a layout, and the shards of a store share a few.

    Args:
        digest: the digest of the fingerprint.
        forms: name, shape and dtype of each dataset, in the order in which they are made.
    """
    core = {"driver": "core", "backing_store": False, "libver": ("earliest", "v110")}
    # the name is no part of the bytes, but no two open files may share it
    with h5py.File(str(get_ident()), "w", **core) as file:
        file.attrs[DIGEST] = np.bytes_(digest)
        made = {n: file.create_dataset(n, data=np.zeros(shape, dt)) for n, shape, dt in forms}
        file.flush()
        places = sorted((d.id.get_offset(), d.nbytes, name) for name, d in made.items())
        image = file.id.get_file_image()
    pieces: list[bytes | str] = []
    end = 0
    for start, length, name in places:
        pieces += [image[end:start], name]
        end = start + length
    return (*pieces, image[end:])


def _as_datasets(arrays: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    """The numbers as they lie in a file: little-endian, ragged rows one behind the other."""
    for name, rows in sorted(arrays.items()):
        ragged = rows.dtype == object
        values, ends = flat(rows) if ragged else (rows, None)
        yield name, values.astype(values.dtype.newbyteorder("<"), copy=False)
        if ends is not None:
            yield ends_of(name), ends


def read_header(path: Path, digest: str, outputs: Mapping[str, Output]) -> Header:
    """Read the keys of a shard, and where its rows lie.

    Raises:
        ForeignShardError: if the shard was not computed under the fingerprint of `digest`.
        UnreadableShardError: if the file is missing, cut off, not HDF5, or of another layout.
        ClosedFileError: if the file may not be read, or the disk does not give it.
    """
    try:
        with closing(open_file(path)) as file:
            found = text_of(file, DIGEST, LONGEST)
            if found != digest:
                raise ForeignShardError(
                    f"{path}: computed under fingerprint {found[:12]}, not {digest[:12]}"
                )
            raw = rows_of(file, KEYS, None, Output((WIDTH,), "uint8"))
            keys = from_bytes(bytes_of(raw))
            offsets = {}
            for name, output in outputs.items():
                held = [(name, None if output.ragged else len(keys), output)]
                held += [(ends_of(name), len(keys), ENDS)] if output.ragged else []
                for dataset, rows, form in held:
                    offset = rows_of(file, dataset, rows, form).get_offset()
                    if offset is None:
                        raise ValueError(f"dataset {dataset!r} is not one whole block")
                    offsets[dataset] = int(offset)
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise _fault(path, error) from None
    if not len(keys) or not ascending(keys):
        raise UnreadableShardError(f"{path}: not a whole shard (its keys are not ascending)")
    return Header(keys, offsets)


def read_keys(path: Path, digest: str) -> Keys:
    """The keys of a shard, (n,), ascending; raises as `read_header` does."""
    return read_header(path, digest, {}).keys


def read_rows(path: Path, header: Header, name: str, output: Output) -> np.ndarray:
    """Read all rows of one output (see `pipeline.store.rows`).

    Raises:
        UnreadableShardError: if the file ends before its rows do.
    """
    if not output.ragged:
        return _read(path, header.offsets[name], len(header.keys), output, name)
    ends = _read(path, header.offsets[ends_of(name)], len(header.keys), ENDS, name)
    _check_ends(path, ends, name)
    return divided(_read(path, header.offsets[name], int(ends[-1]), output, name), ends)


def _read(path: Path, offset: int, rows: int, output: Output, name: str) -> np.ndarray:
    count = int(np.prod((rows, *output.shape)))
    values = np.fromfile(path, output.stored, count, offset=offset)
    if len(values) != count:
        raise UnreadableShardError(f"{path}: not a whole shard (dataset {name!r} is cut off)")
    return values.reshape(rows, *output.shape)


def _check_ends(path: Path, ends: np.ndarray, name: str) -> None:
    if (np.diff(ends, prepend=0) < 0).any():
        raise UnreadableShardError(f"{path}: not a whole shard (the rows of {name!r} overlap)")


def map_rows(path: Path, header: Header, outputs: Mapping[str, Output]) -> dict[str, Mapped]:
    """Map the file into memory, and give its rows, by output.

    The mapping is made by Arrow and ends with the last view. Unlike that of Python before 3.13, it
    does not keep the file open.

    Raises:
        UnreadableShardError: if the file ends before its rows do.
    """
    try:
        with pa.memory_map(os.fspath(path)) as file:
            content = memoryview(file.read_buffer())
    except (OSError, pa.ArrowException) as error:
        raise _fault(path, error) from None
    rows = {}
    for name, output in outputs.items():
        count, size = len(header.keys), output.row_bytes
        bounds: Sequence[int] = range(0, (count + 1) * size, size)
        if output.ragged:
            at = header.offsets[ends_of(name)]
            if at + count * ENDS.row_bytes > len(content):
                raise UnreadableShardError(f"{path}: not a whole shard (no ends of {name!r})")
            ends = np.frombuffer(content, ENDS.stored, count, at)
            _check_ends(path, ends, name)
            bounds = [0, *(ends * size).tolist()]
        start = header.offsets[name]
        rows[name] = Mapped(content[start : start + bounds[-1]], bounds)
        if len(rows[name].content) != bounds[-1]:
            raise UnreadableShardError(f"{path}: not a whole shard (dataset {name!r} is cut off)")
    return rows


def _fault(path: Path, error: Exception) -> PipelineError:
    """What an error in reading a shard says of it."""
    if (closed := closed_file(path, error)) is not None:
        return closed
    reason = " ".join(str(error).split())
    return UnreadableShardError(f"{path}: not a whole shard ({reason})")
