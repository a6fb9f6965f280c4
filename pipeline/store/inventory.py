"""The shard files that lie in a store's directory, whichever run left them there.

An interrupted run leaves shards that no index lists. If it was changing the number of shards, it
leaves shards of both numbers side by side. DVC may bring back only some of the files. So the writer
trusts the files and not the index.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from pipeline.errors import PipelineError
from pipeline.files import file_sizes, sync
from pipeline.fingerprint import Fingerprint
from pipeline.store.commits import THREADS, Commits, Held
from pipeline.store.index import INDEX, SUMMARY, read_index
from pipeline.store.keys import (
    Keys,
    Part,
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

TEMPORARY = re.compile(r"\.\d+\.tmp\..+")
NFS = ".nfs"  # an NFS client gives such a name to a removed file that is still open


class Inventory:
    """All files of one store's directory; the caller holds the lock.

    Attributes:
        held: the shards of the fingerprint, by file name.
        foreign: the names of shards of another fingerprint, which are never read; they stay until
            the run is done.
        unreadable: the names of files that are no whole shards, each with the reason.
        written: how many shards this run wrote.
    """

    def __init__(self, directory: Path, fingerprint: Fingerprint) -> None:
        self.directory = directory
        self.fingerprint = fingerprint
        self.held: dict[str, Held] = {}
        self.foreign: set[str] = set()
        self.unreadable: dict[str, str] = {}
        self.written = 0
        self._at: dict[tuple[int, int], list[Held]] = {}  # by number and number of shards
        self._counts: set[int] = set()  # the numbers of shards that occur in `held`
        self._verified: dict[str, Header] = {}
        self._commits = Commits(directory, fingerprint.digest)
        sizes = _shard_sizes(directory)
        for held in _indexed(directory, fingerprint.digest, sizes):
            self._put(held)
        for name in sorted(sizes.keys() - self.held.keys()):
            self._scan(name, sizes[name] or 0)

    def lacking(self, parts: Iterable[Part]) -> list[Part]:
        """Those of `parts` that no file holds exactly; they must be written."""
        return [part for part in parts if part.name not in self.held]

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
        self._put(held)

    def close(self) -> None:
        """Wait for the shards that are being written."""
        self._commits.close()

    def prune(self, names: Collection[str]) -> None:
        """Remove every shard file but `names`, whether it is old, foreign or broken."""
        doomed = (self.held.keys() | self.foreign | self.unreadable.keys()) - set(names)
        for name in sorted(doomed):
            (self.directory / name).unlink(missing_ok=True)
        if doomed:
            sync(self.directory)
        _sweep(self.directory)

    def keys(self) -> Keys:
        """The keys of all rows, (n,), ascending."""
        content = b"".join(held.keys.tobytes() for held in self.held.values())
        return unique(from_bytes(content))

    def sources(self, part: Part) -> tuple[tuple[Path, Header], ...]:
        """Open the shards that may hold rows of `part`, and give those that are whole.

        A shard that turns out unreadable leaves the inventory.
        """
        opened = [(h, self._verify(h)) for h in self._overlapping(part.number, part.of)]
        return tuple((self.directory / h.name, header) for h, header in opened if header)

    def _overlapping(self, number: int, of: int) -> Iterator[Held]:
        """The shards whose range of keys overlaps that of shard `number` of `of`.

        In a store of fewer shards that is one, in a store of `count` > `of` shards count / of.
        """
        for count in sorted(self._counts):
            first = number * count // of
            for at in range(first, max(first + 1, (number + 1) * count // of)):
                yield from list(self._at.get((at, count), ()))

    def _put(self, held: Held) -> None:
        number, of = place_of(held.name)
        self.held[held.name] = held
        self._at.setdefault((number, of), []).append(held)
        self._counts.add(of)

    def _scan(self, name: str, size: int) -> None:
        """Open a shard that no index vouches for."""
        path = self.directory / name
        try:
            header = read_header(path, self.fingerprint.digest, self.fingerprint.outputs)
        except ForeignShardError:
            self.foreign.add(name)
        except UnreadableShardError as error:
            self.unreadable[name] = str(error)
        else:
            if is_name_of(name, self.fingerprint.digest, header.keys):
                self._verified[name] = header
                self._put(Held(name, header.keys, size))
            else:
                self.unreadable[name] = f"{path}: its name is that of a shard of other images"

    def _verify(self, held: Held) -> Header | None:
        if held.name not in self._verified:
            del self.held[held.name]
            self._at[place_of(held.name)].remove(held)
            self._scan(held.name, held.size)
        return self._verified.get(held.name)


def _shard_sizes(directory: Path) -> dict[str, int | None]:
    """The files with the name of a shard, and their bytes (None for a link that leads nowhere).

    Raises:
        PipelineError: if something else lies there, for a mistyped directory must not be cleared.
    """
    _sweep(directory)
    sizes = {}
    strange = []
    for name, size in sorted(file_sizes(directory).items()):
        if is_shard_name(name) and not (size is None and (directory / name).is_dir()):
            sizes[name] = size
        elif name not in (INDEX, SUMMARY) and not name.startswith(NFS):
            strange.append(name)
    if strange:
        raise PipelineError(
            f"{directory}: not only a feature store: it also holds {', '.join(strange[:5])}"
            f"{' and more' if len(strange) > 5 else ''}; move that away, or write elsewhere"
        )
    return sizes


def _sweep(directory: Path) -> None:
    """Remove the half-written files of dead processes (earlier runs, or workers of this one)."""
    for name in file_sizes(directory):
        if TEMPORARY.fullmatch(name):
            (directory / name).unlink()


def _indexed(directory: Path, digest: str, sizes: Mapping[str, int | None]) -> Iterator[Held]:
    """The shards that the index vouches for, by their bytes and names: they need no opening."""
    try:
        index = read_index(directory)
    except PipelineError:
        return  # without an index each shard is opened, and the index is written anew
    for shard, ours in enumerate(index.named_under(digest)):
        name = index.names[shard]
        size = sizes.get(name)
        if ours and size is not None and size == index.sizes[shard]:
            yield Held(name, index.shard_keys(shard), size)
