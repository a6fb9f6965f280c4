"""Reading a feature store: rows by the sha256 of an image."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from pipeline.errors import PipelineError
from pipeline.files import file_sizes
from pipeline.store.fingerprint import Fingerprint, Output
from pipeline.store.index import INDEX, SUMMARY, Index, read_index, read_summary
from pipeline.store.keys import KEY, pack, positions, unpack
from pipeline.store.shard import ForeignShardError, UnreadableShardError, read_header

OPEN_FILES = 256  # at once, of one reader: below the usual limit of 1024 a process


class Reader:
    """The rows of a store, read as they are asked for.

    Nothing is opened before the first use, when `check` runs once; a pickled copy (a worker's)
    starts afresh. After the HDF5 header of a shard has been read and checked, a row is one `pread`
    at a known place of a file that never changes: files have no position to be shared, so that
    threads and forked processes may read at the same time.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._found: _Shards | None = None

    def __reduce__(self) -> tuple[type[Reader], tuple[Path]]:
        return Reader, (self.directory,)

    def check(self) -> None:
        """See that the store is whole: its two index files agree, and each shard lies there.

        Raises:
            PipelineError: naming what is missing or does not fit, as after an unfinished
                extraction or half a `dvc pull`.
        """
        if self._found is None:
            index, fingerprint = _whole(self.directory)
            self._found = _Shards(self.directory, index, fingerprint)

    @property
    def _store(self) -> _Shards:
        self.check()
        assert self._found is not None
        return self._found

    @property
    def fingerprint(self) -> Fingerprint:
        """What the rows were computed with."""
        return self._store.fingerprint

    @property
    def outputs(self) -> dict[str, Output]:
        """What the store holds for each image, by name."""
        return dict(self._store.fingerprint.outputs)

    @property
    def keys(self) -> list[str]:
        """The sha256 of all images, ascending; made anew at each call."""
        return unpack(self._store.index.keys)

    def __len__(self) -> int:
        """The number of images."""
        return len(self._store.index.keys)

    def __contains__(self, key: object) -> bool:
        """Whether the image of this sha256 has a row."""
        if not isinstance(key, str) or not KEY.fullmatch(key):
            return False
        return bool(positions(pack([key]), self._store.index.keys)[0] >= 0)

    def row(self, output: str, key: str) -> np.ndarray:
        """One image's row, (*shape); raises as `rows` does."""
        row: np.ndarray = self.rows(output, [key])[0]
        return row

    def rows(self, output: str, keys: Sequence[str]) -> np.ndarray:
        """The rows of images, (len(keys), *shape), in the order of `keys`; a key may be repeated.

        Raises:
            PipelineError: for an output or an image that the store does not hold, or for a shard
                that is not the one that the index knows.
        """
        store = self._store
        form = store.fingerprint.outputs.get(output)
        if form is None:
            held = ", ".join(sorted(store.fingerprint.outputs))
            raise PipelineError(f"{self.directory}: holds no output {output!r}, only {held}")
        at = positions(pack(keys), store.index.keys)  # (b,)
        if (at < 0).any():
            raise PipelineError(
                f"{self.directory}: no row for {(at < 0).sum()} of {len(keys)} images, the first"
                f" is {keys[int((at < 0).argmax())]}; run the extraction again"
            )
        rows = np.empty((len(keys), *form.shape), form.stored)  # (b, *shape)
        order = np.argsort(at, kind="stable")
        shards = np.searchsorted(store.index.starts, at[order], side="right") - 1
        size = form.row_bytes
        within = (at[order] - store.index.starts[shards]) * size
        target = rows.reshape(-1).view(np.uint8).data
        slots = (order * size).tolist()
        for slot, shard, start in zip(slots, shards.tolist(), within.tolist(), strict=True):
            file = store.open(shard)
            file.read(target[slot : slot + size], file.offsets[output] + start)
        return rows.astype(form.dtype, copy=False)


class _Shards:
    """The shard files of a checked store, opened as they are asked for.

    Attributes:
        open: the open file of a shard, by its place in the index.
    """

    def __init__(self, directory: Path, index: Index, fingerprint: Fingerprint) -> None:
        self.index = index
        self.fingerprint = fingerprint
        # (shards, outputs): the byte at which the rows begin; -1 until the header was checked
        offsets = np.full((len(index.names), len(fingerprint.outputs)), -1, np.int64)
        # No method of self: a cycle would keep files open until the collector finds it.
        opened = partial(_open, directory, index, fingerprint, offsets)
        self.open: Callable[[int], _File] = lru_cache(OPEN_FILES)(opened)


def _open(
    directory: Path, index: Index, fingerprint: Fingerprint, offsets: np.ndarray, shard: int
) -> _File:
    path = directory / index.names[shard]
    outputs = fingerprint.outputs
    try:
        if offsets[shard, 0] < 0:
            header = read_header(path, fingerprint.digest, outputs)
            if not np.array_equal(header.keys, index.shard_keys(shard)):
                raise UnreadableShardError(f"{path}: holds the rows of other images")
            offsets[shard] = [header.offsets[name] for name in outputs]
        return _File(path, dict(zip(outputs, offsets[shard].tolist(), strict=True)))
    except (OSError, UnreadableShardError, ForeignShardError) as error:
        raise PipelineError(
            f"{error}. It is not the shard that {directory / INDEX} knows: delete it and run"
            f" `dvc pull {directory}`, or the extraction, again"
        ) from None


class _File:
    """An open shard: closed when the last thread that reads it lets go."""

    def __init__(self, path: Path, offsets: dict[str, int]) -> None:
        self.path = path
        self.offsets = offsets
        self._descriptor = os.open(path, os.O_RDONLY)

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        if hasattr(self, "_descriptor"):
            close(self._descriptor)

    def read(self, target: memoryview, offset: int) -> None:
        """Fill `target` with the bytes from `offset` on."""
        while target:
            count = os.preadv(self._descriptor, [target], offset)
            if not count:
                raise PipelineError(f"{self.path}: was cut off while it was being read")
            target, offset = target[count:], offset + count


def _whole(directory: Path) -> tuple[Index, Fingerprint]:
    advice = (
        f"Run `dvc pull {directory}`, or run the extraction again; `rm {directory / INDEX}` makes"
        " it look at every shard"
    )
    if not (directory / INDEX).is_file() or not (directory / SUMMARY).is_file():
        raise PipelineError(
            f"{directory}: no feature store, or not all of it: {INDEX} and {SUMMARY} are written"
            f" when an extraction has finished. {advice}"
        )
    try:
        index = read_index(directory)
        fingerprint = read_summary(directory, index)
    except PipelineError as error:
        raise PipelineError(f"{error}. {advice}") from None
    sizes = file_sizes(directory)
    faults = [
        f"{name} ({'missing' if (found := sizes.get(name)) is None else f'{found} bytes'})"
        for name, size in zip(index.names, index.sizes.tolist(), strict=True)
        if sizes.get(name) != size
    ]
    if faults:
        raise PipelineError(
            f"{directory}: {len(faults)} of {len(index.names)} shards are not there as the index"
            f" has them: {', '.join(faults[:5])}{', ...' if len(faults) > 5 else ''}. {advice}"
        )
    return index, fingerprint
