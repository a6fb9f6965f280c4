"""The shard files that lie in a store's directory, whichever run left them there.

An interrupted run leaves shards that no index lists. If it was changing the number of shards, it
leaves shards of both numbers side by side. DVC may bring back only some of the files. So the writer
trusts the files and not the index.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from pipeline.errors import PipelineError
from pipeline.files import ClosedFileError, file_sizes, sync
from pipeline.fingerprint import Fingerprint
from pipeline.store.commits import THREADS, Commits, Held
from pipeline.store.index import INDEX, SUMMARY, read_index
from pipeline.store.keys import (
    Keys,
    contained,
    from_bytes,
    is_name_of,
    is_shard_name,
    place_of,
    unique,
)
from pipeline.store.orders import collect
from pipeline.store.shard import (
    ForeignShardError,
    Header,
    UnreadableShardError,
    read_header,
)
from pipeline.store.shelf import Part, Piles, Shelf

TEMPORARY = re.compile(r"\.\d+\.tmp\..+")
NFS = ".nfs"  # an NFS client gives such a name to a removed file that is still open


class Inventory:
    """All files of one store's directory; the caller holds the lock.

    Attributes:
        shelves: the shards of the fingerprint; each file stands on one shelf, those that the run
            works towards on `target`.
        target: the shards that the store shall have.
        foreign: the names of shards of another fingerprint, which are never read; they stay until
            the run is done.
        unreadable: the names of files that are no whole shards, each with the reason.
        written: how many shards this run wrote.
    """

    def __init__(self, directory: Path, fingerprint: Fingerprint) -> None:
        self.directory = directory
        self.fingerprint = fingerprint
        self.foreign: set[str] = set()
        self.unreadable: dict[str, str] = {}
        self.written = 0
        self._found = Piles()
        self._commits = Commits(directory, fingerprint.digest)
        self.shelves, others = _listed(directory, fingerprint.digest)
        for name, size in sorted(others.items()):
            self._scan(name, size or 0)
        self.aim(Shelf(from_bytes(b""), 1, fingerprint.digest))

    def aim(self, target: Shelf) -> None:
        """Work towards the shards of `target`: those that are files already need not be written.

        A file from which rows must be copied, and which turns out broken, leaves the inventory.
        """
        self._shelve()
        for shelf in self.shelves:
            target.take(shelf)
        self.shelves = [shelf.kept() for shelf in self.shelves if shelf.sizes.any()]
        self.target = target
        for part in self.lacking():
            self.sources(part)
        self.shelves.append(target)

    def lacking(self) -> Iterator[Part]:
        """Those of the target's shards that are no files yet; they must be written."""
        for at in np.flatnonzero(self.target.sizes == 0).tolist():
            yield self.target.part(at)

    def write(self, part: Part, fresh: tuple[Keys, Mapping[str, np.ndarray]]) -> None:
        """Begin to write a shard with the rows of `part` that are `fresh` or lie in other shards.

        Args:
            part: the keys that the shard shall hold.
            fresh: keys (m,), ascending, and for each output their rows, (m, *shape).

        Raises:
            NoRoomError: if the disk was full for this shard or one before it.
        """
        name, found, arrays = collect(part, self.fingerprint, fresh, self.sources(part))
        self._commits.start(name, found, arrays)
        self.settle(THREADS)

    def settle(self, left: int = 0) -> None:
        """Wait until at most `left` of the shards in flight are not on the disk.

        Raises:
            NoRoomError: if the disk was full.
        """
        for held in self._commits.landed(left):
            self.wrote(held)

    def wrote(self, held: Held) -> None:
        """Take over a shard that was written in this run, by this process or another."""
        self.written += 1
        at = self.target.place_of(held.name)
        if at is None:  # some of its images failed
            self._found.put(*place_of(held.name), held.size, held.keys)
        else:
            self.target.sizes[at] = held.size

    def close(self) -> None:
        """Wait for the shards that are being written."""
        self._commits.close()

    def prune(self) -> None:
        """Remove every shard file that is not the target's, whether old, foreign or broken."""
        doomed = self.foreign | self.unreadable.keys()
        self._shelve()
        for shelf in self.shelves:
            if shelf is not self.target:
                doomed.update(shelf.part(at).name for at in np.flatnonzero(shelf.sizes).tolist())
        for name in sorted(name for name in doomed if self.target.place_of(name) is None):
            (self.directory / name).unlink(missing_ok=True)
        if doomed:
            sync(self.directory)
        _sweep(self.directory)

    def holds(self, keys: Keys) -> np.ndarray:
        """Whether each of `keys` has a row in some file, (n,) bool."""
        self._shelve()
        found = np.zeros(len(keys), bool)
        for shelf in self.shelves:
            if shelf.keys is keys:
                found |= np.repeat(shelf.sizes > 0, shelf.counts)
            else:
                found |= contained(keys, shelf.rows(there=True))
        return found

    def beside(self, keys: Keys) -> int:
        """How many other rows the files hold."""
        others = [keys[:0]]
        for shelf in self.shelves:
            if shelf.keys is not keys:
                held = shelf.rows(there=True)
                others.append(held[~contained(held, keys)])
        return len(unique(np.concatenate(others)))

    def sources(self, part: Part) -> tuple[tuple[Path, Header], ...]:
        """Open the shards that may hold rows of `part`, and give those that are whole.

        A shard that turns out unreadable leaves the inventory.
        """
        opened = []
        for shelf in self.shelves:
            for at in shelf.overlapping(part.number, part.of):
                if shelf.sizes[at]:
                    name = shelf.part(at).name
                    header = self._open(name)
                    if header is None:
                        shelf.sizes[at] = 0
                    else:
                        opened.append((self.directory / name, header))
        return tuple(opened)

    def _shelve(self) -> None:
        self.shelves += self._found.shelves(self.fingerprint.digest)

    def _scan(self, name: str, size: int) -> None:
        """Take over a shard that no index vouches for."""
        header = self._open(name)
        if header is not None:
            self._found.put(*place_of(name), size, header.keys)

    def _open(self, name: str) -> Header | None:
        """Open a shard; one of another fingerprint or content is noted as such."""
        path = self.directory / name
        try:
            header = read_header(path, self.fingerprint.digest, self.fingerprint.outputs)
        except ForeignShardError:
            self.foreign.add(name)
        except UnreadableShardError as error:
            self.unreadable[name] = str(error)
        else:
            if is_name_of(name, self.fingerprint.digest, header.keys):
                return header
            self.unreadable[name] = f"{path}: its name is that of a shard of other rows"
        return None


def _listed(directory: Path, digest: str) -> tuple[list[Shelf], dict[str, int | None]]:
    """The shards that the index vouches for by names and bytes, which need no opening.

    And the other files with the name of a shard, with their bytes (None for a link that leads
    nowhere); these must be opened. Without an index that is each one, and it is written anew.

    Raises:
        PipelineError: if something else lies there, for a mistyped directory must not be cleared.
    """
    _sweep(directory)
    shelf, vouches = _indexed(directory, digest)
    others: dict[str, int | None] = {}
    strange = []
    for name, size in file_sizes(directory):
        if not is_shard_name(name) or (size is None and (directory / name).is_dir()):
            if name not in (INDEX, SUMMARY) and not name.startswith(NFS):
                strange.append(name)
        elif size and (at := shelf.place_of(name)) is not None and size == vouches[at]:
            shelf.sizes[at] = size
        else:
            others[name] = size
    if strange:
        raise PipelineError(
            f"{directory}: not only a feature store: it also holds"
            f" {', '.join(sorted(strange)[:5])}{' and more' if len(strange) > 5 else ''}; move that"
            " away, or write elsewhere"
        )
    return [shelf], others


def _indexed(directory: Path, digest: str) -> tuple[Shelf, np.ndarray]:
    """The shards of the index, none of which counts as a file yet, and the bytes of their files."""
    try:
        index = read_index(directory)
    except ClosedFileError:
        raise
    except PipelineError:
        return Shelf(from_bytes(b""), 1, digest), np.zeros(0, np.int64)
    of = place_of(index.name(0))[1] if len(index.names) else 1
    shelf = Shelf(index.keys, of, digest)
    named = [shelf.part(at).name == index.name(at) for at in range(len(shelf))]
    return shelf, np.where(named, index.lengths, -1)


def _sweep(directory: Path) -> None:
    """Remove the half-written files of dead processes (earlier runs, or workers of this one)."""
    for name in [name for name, _ in file_sizes(directory) if TEMPORARY.fullmatch(name)]:
        (directory / name).unlink()
