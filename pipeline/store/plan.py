"""What one run of the writer is to do: fixed once it is known which rows are there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from pipeline.store.keys import Keys, Part, positions, shard_numbers, unpack


@dataclass(frozen=True, eq=False)  # keys are arrays
class Plan:
    """The rows that a store is to hold, and those of them that are to be computed.

    Attributes:
        wanted: the keys of all rows, (n,), ascending.
        parts: the same, by the number of their shard.
        of: how many shards there are.
        before: the keys of the rows that are there, ascending.
    """

    wanted: Keys
    parts: dict[int, Part]
    of: int
    before: Keys

    @cached_property
    def todo(self) -> Keys:
        """The keys of the rows to be computed, ascending."""
        return self.wanted[positions(self.wanted, self.before) < 0]

    @cached_property
    def listed(self) -> list[str]:
        """`todo` in hexadecimal."""
        return unpack(self.todo)

    @cached_property
    def numbers(self) -> list[int]:
        """The shard of each row of `todo`, ascending."""
        numbers: list[int] = shard_numbers(self.todo, self.of).tolist()
        return numbers

    def by_shard(self) -> Iterator[tuple[Part, tuple[str, ...]]]:
        """Each shard with rows to be computed, and their keys in hexadecimal."""
        starts = np.flatnonzero(np.diff(self.numbers, prepend=-1))
        for start, stop in pairwise([*starts.tolist(), len(self.numbers)]):
            yield self.parts[self.numbers[start]], tuple(self.listed[start:stop])
