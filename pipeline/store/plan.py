"""The plan of one run of the writer: which rows it must compute, and for which shards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from pipeline.store.keys import Keys, Part, positions, shard_numbers, unpack


@dataclass(frozen=True, eq=False)  # two arrays do not compare to one bool
class Plan:
    """The rows that a store shall hold, and which of them must be computed.

    Attributes:
        wanted: the keys of all rows, (n,), ascending.
        parts: the same keys divided among shards, by the number of the shard.
        of: how many shards the store shall have.
        before: the keys of the rows that were there when the run began, ascending.
    """

    wanted: Keys
    parts: dict[int, Part]
    of: int
    before: Keys

    @cached_property
    def todo(self) -> Keys:
        """The keys of the rows that must be computed, ascending."""
        return self.wanted[positions(self.wanted, self.before) < 0]

    @cached_property
    def listed(self) -> list[str]:
        """`todo` in hexadecimal."""
        return unpack(self.todo)

    @cached_property
    def numbers(self) -> list[int]:
        """The number of the shard of each row of `todo`, ascending."""
        numbers: list[int] = shard_numbers(self.todo, self.of).tolist()
        return numbers

    def by_shard(self) -> Iterator[tuple[Part, tuple[str, ...]]]:
        """Yield each shard that lacks rows, with the keys of those rows in hexadecimal."""
        starts = np.flatnonzero(np.diff(self.numbers, prepend=-1))
        for start, stop in pairwise([*starts.tolist(), len(self.numbers)]):
            yield self.parts[self.numbers[start]], tuple(self.listed[start:stop])
