"""Rows in memory: an array (n, *shape), or for a ragged output an array (n,) of arrays (T, *shape).

So all code that selects and moves rows is the same for both.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.fingerprint import Output


def empty(output: Output, count: int) -> np.ndarray:
    """Room for so many rows."""
    if output.ragged:
        return np.empty(count, object)
    return np.empty((count, *output.shape), output.stored)


def stacked(output: Output, rows: Sequence[np.ndarray]) -> np.ndarray:
    """Single rows put together."""
    if not output.ragged:
        return np.stack(rows)
    held = empty(output, len(rows))
    for at, row in enumerate(rows):
        held[at] = row
    return held


def copied(rows: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Some of the rows, which share no memory with the others."""
    chosen: np.ndarray = rows[places]
    if rows.dtype == object:
        for at, row in enumerate(chosen):
            chosen[at] = np.array(row)
    return chosen


def fits(output: Output, rows: np.ndarray, count: int) -> bool:
    """Whether `rows` are so many rows in the form of `output`."""
    dtype = np.dtype(output.dtype)
    if not output.ragged:
        return rows.shape == (count, *output.shape) and rows.dtype == dtype
    return rows.shape == (count,) and all(
        isinstance(row, np.ndarray) and row.shape[1:] == output.shape and row.dtype == dtype
        for row in rows
    )


def flat(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ragged rows one behind the other, (steps, *shape), and where each ends, (n,) int64."""
    return np.concatenate(list(rows)), np.cumsum([len(row) for row in rows], dtype=np.int64)


def divided(values: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Undo `flat`."""
    held = np.empty(len(ends), object)
    for at, row in enumerate(np.split(values, ends[:-1])):
        held[at] = row
    return held
