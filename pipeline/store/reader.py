"""Reading a feature store: rows by the sha256 of an image, or of the words of a post."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.errors import PipelineError
from pipeline.files import ClosedFileError, file_size
from pipeline.fingerprint import Fingerprint, Output
from pipeline.store.index import INDEX, SUMMARY, Index, read_index, read_summary
from pipeline.store.keys import KEY, pack, positions, unpack
from pipeline.store.shard import (
    ForeignShardError,
    Header,
    Mapped,
    UnreadableShardError,
    datasets,
    map_rows,
    read_header,
)

MAPPED = 16_384  # shards at once; Linux usually allows a process 65,530 mappings


class Reader:
    """Reads the rows of a store as they are asked for.

    A reader opens nothing before its first use, when `check` runs once; a pickled copy, as a worker
    gets it, starts afresh. A shard is mapped into memory after its HDF5 header was checked. It
    never changes, and a mapping needs no open file and no position, so that threads and forked
    processes may read thousands of shards at the same time. If a file is replaced meanwhile, this
    reader still sees the old one; if it is cut off in place, the process dies (SIGBUS).
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._found: _Shards | None = None

    def __reduce__(self) -> tuple[type[Reader], tuple[Path]]:
        return Reader, (self.directory,)

    def check(self) -> None:
        """Check that the two index files agree and that each shard is there.

        Raises:
            PipelineError: if something is missing or does not fit, as after an unfinished
                extraction or half a `dvc pull`; the message names it.
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
        """The fingerprint that the rows were computed under."""
        return self._store.fingerprint

    @property
    def outputs(self) -> dict[str, Output]:
        """What the store holds for each image, by name."""
        return dict(self._store.fingerprint.outputs)

    @property
    def keys(self) -> list[str]:
        """The sha256 of all images, ascending; each call makes a new list."""
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
            PipelineError: if the store does not hold the output or an image, or if a shard is not
                the one that the index knows.
        """
        form = self._form(output)
        if form.ragged:
            raise ValueError(f"the rows of {output!r} differ in length: take `views`")
        # join copies scattered rows fastest: np.concatenate takes a tenth longer
        content = bytearray().join(self._bytes(output, keys))
        rows: np.ndarray = np.ndarray((len(keys), *form.shape), form.stored, content)
        return rows.astype(form.dtype, copy=False)

    def views(self, output: str, keys: Sequence[str]) -> list[np.ndarray]:
        """The rows of `keys` as they lie in the mapped files: none is copied, none can be written.

        Returns:
            For each key its row, (*shape), or (T, *shape) if rows are ragged, little-endian.

        Raises:
            PipelineError: as `rows` does.
        """
        form = self._form(output)
        shape = (-1, *form.shape) if form.ragged else form.shape
        return [np.frombuffer(row, form.stored).reshape(shape) for row in self._bytes(output, keys)]

    def _form(self, output: str) -> Output:
        outputs = self._store.fingerprint.outputs
        if output not in outputs:
            held = ", ".join(sorted(outputs))
            raise PipelineError(f"{self.directory}: holds no output {output!r}, only {held}")
        return outputs[output]

    def _bytes(self, output: str, keys: Sequence[str]) -> list[memoryview]:
        known = self._store.known[output]
        try:
            return [known[key] for key in keys]
        except KeyError:
            return self._look_up(output, keys)

    def _look_up(self, output: str, keys: Sequence[str]) -> list[memoryview]:
        """The bytes of the rows of `keys`, where some of the keys are new to `known`."""
        store = self._store
        at = positions(pack(keys), store.index.keys)  # (b,)
        if (at < 0).any():
            raise PipelineError(
                f"{self.directory}: no row for {(at < 0).sum()} of {len(keys)} keys, the first"
                f" is {keys[int((at < 0).argmax())]}; run the extraction again"
            )
        shards = np.searchsorted(store.index.starts, at, side="right") - 1
        within = at - store.index.starts[shards]
        rows: list[memoryview] = [memoryview(b"")] * len(keys)
        for slot in np.argsort(at, kind="stable").tolist():
            rows[slot] = store.map(int(shards[slot]))[output].row(int(within[slot]))
            store.known[output][keys[slot]] = rows[slot]
        return rows


class _Shards:
    """The shard files of a checked store, each mapped when it is first asked for.

    Attributes:
        known: by output and key, the mapped bytes of each row that was asked for before.
    """

    def __init__(self, directory: Path, index: Index, fingerprint: Fingerprint) -> None:
        self.directory = directory
        self.index = index
        self.fingerprint = fingerprint
        self.known: dict[str, dict[str, memoryview]] = {name: {} for name in fingerprint.outputs}
        self._mapped: dict[int, dict[str, Mapped]] = {}
        self._datasets = datasets(fingerprint.outputs)
        # the byte at which each dataset begins, (shards, datasets); -1 until the header was checked
        self._offsets = np.full((len(index.names), len(self._datasets)), -1, np.int64)

    def map(self, shard: int) -> dict[str, Mapped]:
        """The rows of a shard, by output."""
        rows = self._mapped.get(shard)
        if rows is None:
            if len(self._mapped) >= MAPPED:  # `known` must go too: its rows keep shards mapped
                self._mapped.clear()
                for known in self.known.values():
                    known.clear()
            path = self.directory / self.index.name(shard)
            rows = self._mapped[shard] = self._open(path, shard)
        return rows

    def _open(self, path: Path, shard: int) -> dict[str, Mapped]:
        outputs, keys = self.fingerprint.outputs, self.index.shard_keys(shard)
        try:
            if self._offsets[shard, 0] < 0:
                header = read_header(path, self.fingerprint.digest, outputs)
                if not np.array_equal(header.keys, keys):
                    raise UnreadableShardError(f"{path}: holds other rows")
                self._offsets[shard] = [header.offsets[name] for name in self._datasets]
            offsets = dict(zip(self._datasets, self._offsets[shard].tolist(), strict=True))
            return map_rows(path, Header(keys, offsets), outputs)
        except (OSError, UnreadableShardError, ForeignShardError) as error:
            raise PipelineError(
                f"{error}. It is not the shard that {self.directory / INDEX} knows: delete it and"
                f" run `dvc pull {self.directory}`, or the extraction, again"
            ) from None


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
    except ClosedFileError:
        raise
    except PipelineError as error:
        raise PipelineError(f"{error}. {advice}") from None
    fixed = (output for output in fingerprint.outputs.values() if not output.ragged)
    row_bytes = sum(output.row_bytes for output in fixed)
    room = zip(index.counts.tolist(), index.lengths.tolist(), strict=True)
    if any(count * row_bytes > length for count, length in room):
        raise PipelineError(
            f"{directory / SUMMARY}: promises rows of {row_bytes:,} bytes, more than its shards"
            f" have room for. {advice}"
        )
    faults = [
        f"{name} ({'missing' if found is None else f'{found} bytes'})"
        for at, length in enumerate(index.lengths.tolist())
        if (found := file_size(directory / (name := index.name(at)))) != length
    ]
    if faults:
        raise PipelineError(
            f"{directory}: {len(faults)} of {len(index.names)} shards are not there as the index"
            f" has them: {', '.join(faults[:5])}{', ...' if len(faults) > 5 else ''}. {advice}"
        )
    return index, fingerprint
