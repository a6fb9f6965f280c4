"""Keys divided among shards, and which of these shards are files.

A store of a million images has 131,072 shards. An object for each, with its name and keys, would
take as much memory as the keys of all images. So a shelf is a few arrays, and makes the name of a
shard from its keys when somebody asks for it.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from pipeline.store.keys import (
    Keys,
    chunks,
    contained,
    from_bytes,
    place_of,
    shard_name,
    shard_numbers,
)


@dataclass(frozen=True, eq=False)  # two arrays do not compare to one bool
class Part:
    """The keys that one shard holds, or shall hold.

    Attributes:
        number: the number of the shard.
        of: how many shards the store has.
        name: the name of the shard's file.
        keys: ascending.
    """

    number: int
    of: int
    name: str
    keys: Keys


class Shelf:
    """The shards of some keys, in their order; shards without a key are left out.

    Attributes:
        keys: ascending, (n,); shard s holds keys[starts[s]:starts[s + 1]].
        of: how many shards the store has, those without a key among them.
        digest: the digest of the fingerprint.
        numbers: the number of each shard, ascending, (k,) int64.
        starts: (k + 1,) int64.
        sizes: the bytes of each shard's file, (k,) int64; 0 where there is none.
    """

    def __init__(self, keys: Keys, of: int, digest: str) -> None:
        self.keys = keys
        self.of = of
        self.digest = digest
        counts = np.zeros(of, np.int64)
        for part in chunks(keys):
            numbers = shard_numbers(part, of)
            counts[numbers[0] : numbers[-1] + 1] += np.bincount(numbers - numbers[0])
        self.numbers = np.flatnonzero(counts)
        self.starts = np.concatenate([[0], np.cumsum(counts[self.numbers])])
        self.sizes = np.zeros(len(self.numbers), np.int64)

    def __len__(self) -> int:
        """How many shards have a key."""
        return len(self.numbers)

    @property
    def counts(self) -> np.ndarray:
        """The number of rows of each shard, (k,) int64."""
        return np.diff(self.starts)

    def part(self, at: int) -> Part:
        """The shard at place `at` of the arrays."""
        number, keys = int(self.numbers[at]), self.keys[self.starts[at] : self.starts[at + 1]]
        return Part(number, self.of, shard_name(number, self.of, self.digest, keys), keys)

    def overlapping(self, number: int, of: int) -> range:
        """The places of the shards whose range of keys overlaps that of shard `number` of `of`.

        On a shelf of fewer shards that is at most one, on one of more at most self.of / of.
        """
        first = number * self.of // of
        stop = max(first + 1, (number + 1) * self.of // of)
        return range(*np.searchsorted(self.numbers, [first, stop]).tolist())

    def place_of(self, name: str) -> int | None:
        """The place of the shard whose file has this name, or None."""
        number, of = place_of(name)
        at = self.overlapping(number, of) if of == self.of else ()
        return next((place for place in at if self.part(place).name == name), None)

    def rows(self, there: bool) -> Keys:
        """The keys of the shards that are files, or of those that are not."""
        wanted = (self.sizes > 0) == there
        return self.keys if wanted.all() else self.keys[np.repeat(wanted, self.counts)]

    def kept(self) -> Shelf:
        """The same without the shards that are no files."""
        if self.sizes.all():
            return self
        kept = Shelf(self.rows(there=True), self.of, self.digest)
        kept.sizes[:] = self.sizes[self.sizes > 0]
        return kept

    def take(self, other: Shelf) -> None:
        """Take over each file of `other` that holds exactly the keys of one of our shards."""
        if other.of != self.of or not len(other) or not len(self):
            return
        at = np.searchsorted(other.numbers, self.numbers)
        at[at == len(other)] = 0
        inside = contained(self.keys, other.keys)
        ours = (
            (other.numbers[at] == self.numbers)
            & (other.counts[at] == self.counts)
            & np.logical_and.reduceat(inside, self.starts[:-1])
            & (other.sizes[at] > 0)
        )
        self.sizes[ours] = other.sizes[at[ours]]
        other.sizes[at[ours]] = 0


@dataclass
class Pile:
    """Shard files as they are found, in any order; two may have the same number.

    Attributes:
        numbers: the number of each shard.
        sizes: the bytes of its file.
        counts: how many keys it has.
        keys: the bytes of the keys of all shards.
    """

    numbers: array[int] = field(default_factory=lambda: array("q"))
    sizes: array[int] = field(default_factory=lambda: array("q"))
    counts: array[int] = field(default_factory=lambda: array("q"))
    keys: bytearray = field(default_factory=bytearray)

    def put(self, number: int, size: int, keys: Keys) -> None:
        """Add a shard."""
        self.numbers.append(number)
        self.sizes.append(size)
        self.counts.append(len(keys))
        self.keys += keys.tobytes()

    def shelves(self, of: int, digest: str) -> Iterator[Shelf]:
        """Yield the shards of this pile, which are of `of`; a shelf has each number once."""
        numbers, counts = np.array(self.numbers, np.int64), np.array(self.counts, np.int64)
        starts = np.cumsum(counts) - counts
        order = np.argsort(numbers, kind="stable")
        first = np.flatnonzero(np.diff(numbers[order], prepend=-1))
        lengths = np.diff(np.append(first, len(order)))
        depth = np.arange(len(order)) - np.repeat(first, lengths)
        for level in range(lengths.max(initial=0)):
            chosen = order[depth == level]
            ends = np.cumsum(counts[chosen])
            rows = np.repeat(starts[chosen] - ends + counts[chosen], counts[chosen])
            rows += np.arange(len(rows))
            shelf = Shelf(from_bytes(self.keys)[rows], of, digest)
            shelf.sizes[:] = np.array(self.sizes, np.int64)[chosen]
            yield shelf


class Piles:
    """Shard files as they are found, whatever the number of shards of their store."""

    def __init__(self) -> None:
        self._by_of: defaultdict[int, Pile] = defaultdict(Pile)

    def put(self, number: int, of: int, size: int, keys: Keys) -> None:
        """Add shard `number` of `of`."""
        self._by_of[of].put(number, size, keys)

    def shelves(self, digest: str) -> list[Shelf]:
        """Clear the piles away, and give their shards."""
        found = [
            shelf for of, pile in sorted(self._by_of.items()) for shelf in pile.shelves(of, digest)
        ]
        self._by_of.clear()
        return found
