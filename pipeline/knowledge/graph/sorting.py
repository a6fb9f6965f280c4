"""Sorting rows of small whole numbers: each row becomes one number, if int64 can hold it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

LIMIT = 1 << 63  # int64 holds numbers below this


def sort_rows(columns: Iterable[np.ndarray], sizes: Sequence[int]) -> list[np.ndarray]:
    """Rows in ascending order, by the first column first.

    Args:
        columns: (n,) integers each; they are taken one after the other.
        sizes: for each column a bound: its numbers are at least 0 and below it.

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
