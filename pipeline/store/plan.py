"""The plan of one run of the writer: which rows it must compute, and for which shards."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from pipeline.store.keys import Hexadecimal, Keys, unpack
from pipeline.store.shelf import Part, Shelf


class Plan:
    """The rows that a store shall hold, and which of them must be computed.

    Attributes:
        shelf: all of them, divided among shards.
        had: whether each was there when the run began, (n,) bool.
        gone: how many other rows were there.
    """

    def __init__(self, shelf: Shelf, had: np.ndarray, gone: int) -> None:
        self.shelf = shelf
        self.had = had
        self.gone = gone

    @cached_property
    def todo(self) -> Keys:
        """The keys of the rows that must be computed, ascending."""
        return self.shelf.keys[~self.had] if self.had.any() else self.shelf.keys

    @cached_property
    def listed(self) -> Hexadecimal:
        """`todo` in hexadecimal."""
        return Hexadecimal(self.todo)

    @cached_property
    def lots(self) -> Shelf:
        """`todo` divided among the same shards."""
        return Shelf(self.todo, self.shelf.of, self.shelf.digest)

    def part_of(self, lot: int) -> Part:
        """The shard that the rows of a lot belong to."""
        (at,) = self.shelf.overlapping(int(self.lots.numbers[lot]), self.shelf.of)
        return self.shelf.part(at)

    def by_shard(self) -> Iterator[tuple[Part, tuple[str, ...]]]:
        """Yield each shard that lacks rows, with the keys of those rows in hexadecimal."""
        for lot in range(len(self.lots)):
            yield self.part_of(lot), tuple(unpack(self.lots.part(lot).keys))
