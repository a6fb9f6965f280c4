"""Sorting rows of small whole numbers: as one number each where it can hold them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

LIMIT = 1 << 63  # of the numbers that int64 holds


def sort_rows(columns: Iterable[np.ndarray], sizes: Sequence[int]) -> list[np.ndarray]:
    """Rows in ascending order, by the first column first.

    Args:
        columns: (n,) integers each, taken one after the other.
        sizes: of each column, what its numbers, all at least 0, are below.

    Returns:
        The columns of the sorted rows, (n,) int32.
    """
    if math.prod(sizes) > LIMIT:
        some = list(columns)
        order = np.lexsort(some[::-1])
        return [column[order].astype(np.int32) for column in some]
    keys = np.zeros(0, np.int64)
    for at, (column, size) in enumerate(zip(columns, sizes, strict=True)):
        keys = keys if at else np.zeros(len(column), np.int64)
        keys *= size
        keys += column
    keys.sort()
    ordered = []
    for size in reversed(sizes):
        column = np.empty(len(keys), np.int32)
        np.remainder(keys, max(size, 1), out=column, casting="unsafe")
        keys //= max(size, 1)
        ordered.append(column)
    return ordered[::-1]
