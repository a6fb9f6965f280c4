"""All pairs of two sets of vectors whose cosine reaches a threshold, exactly, at a fraction of the
cost of all cosines.

Unit vectors a and b are split by an orthonormal basis into a part of few dimensions, Pa, and the
rest. By the inequality of Cauchy and Schwarz

    a . b  <=  Pa . Pb + |a - Pa| |b - Pb|

One product of matrices, with one column more than the basis has, gives the right side for all
pairs. Only pairs whose bound reaches the threshold are compared in full. The basis holds the
principal directions of one set: any basis gives the same pairs, and this one leaves few to
compare.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

SAMPLE = 4096  # the principal directions are computed from so many vectors
BLOCK = 2048  # so many vectors of each set are compared at a time
MARGIN = 1e-4  # sums in float32 have an error below 1e-5
DENSE = 0.02  # if a larger share of a block's pairs is left, all its cosines are cheaper


@dataclass(frozen=True)
class Pairs:
    """Pairs (left[i], right[i]) of cosine similarity[i], by left and then by right."""

    left: np.ndarray  # (n,) int64
    right: np.ndarray  # (n,) int64
    similarity: np.ndarray  # (n,) float64


class Compared:
    """Vectors that others are compared with, again and again.

    Args:
        right: (m, width).
        theta: above 0, at most 1.
    """

    def __init__(self, right: np.ndarray, theta: float) -> None:
        self._theta = theta
        self._right = _unit(right)

    @cached_property
    def _split(self) -> tuple[np.ndarray, np.ndarray]:
        """The basis (width, k), and the vectors split by it (m, k + 1)."""
        basis = _basis(self._right, self._theta)
        return basis, _split(self._right, basis)

    def pairs(self, left: np.ndarray) -> Pairs:
        """Every pair of a row of `left` (n, width) and one of these whose cosine is at least theta.

        A row of zeros is like nothing.
        """
        if not len(left):
            return Pairs(*_EMPTY)
        left, right, theta = _unit(left), self._right, self._theta
        basis, right_parts = self._split
        left_parts = _split(left, basis)  # (n, k + 1)
        found = []
        for i in range(0, len(left), BLOCK):
            for j in range(0, len(right), BLOCK):
                some, others = slice(i, i + BLOCK), slice(j, j + BLOCK)
                bounds = left_parts[some] @ right_parts[others].T  # (b, c)
                near = np.flatnonzero(bounds >= theta - MARGIN)
                if len(near) > DENSE * bounds.size:
                    near = np.flatnonzero(left[some] @ right[others].T >= theta - MARGIN)
                at, other = np.divmod(near, bounds.shape[1])
                found.append(_exact(left, right, at + i, other + j, theta))
        columns = [
            np.concatenate([part[k] for part in found]) if found else _EMPTY[k] for k in range(3)
        ]
        order = np.lexsort((columns[1], columns[0]))
        return Pairs(columns[0][order], columns[1][order], columns[2][order])


def similar_pairs(left: np.ndarray, right: np.ndarray, theta: float) -> Pairs:
    """Every pair of rows of (n, width) and (m, width) whose cosine is at least `theta`."""
    return Compared(right, theta).pairs(left)


_EMPTY = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))


def _unit(rows: np.ndarray) -> np.ndarray:
    """The rows scaled to length 1, (n, width) float32; a row of zeros stays."""
    norms = np.sqrt(np.einsum("nw,nw->n", rows, rows, dtype=np.float64))
    scale = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
    unit: np.ndarray = (rows * scale[:, None]).astype(np.float32)
    return unit


def _basis(rows: np.ndarray, theta: float) -> np.ndarray:
    """The principal directions (width, k) float32 of rows (n, width).

    If all directions are alike, a basis of k of them leaves a bound of 1 - k / width. k is one
    and a half times the number that brings this below `theta`.
    """
    width = rows.shape[1]
    sample = rows[:: max(len(rows) // SAMPLE, 1)].astype(np.float64)
    _, directions = np.linalg.eigh(sample.T @ sample)  # ascending
    count = min(width, int(np.ceil(1.5 * (1 - theta) * width)) + 1)
    return directions[:, -count:].astype(np.float32)


def _split(rows: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """The coordinates of unit rows in the basis, and the length of the rest: (n, k + 1)."""
    parts = rows @ basis
    rest = np.einsum("nw,nw->n", rows, rows) - np.einsum("nk,nk->n", parts, parts)
    return np.hstack([parts, np.sqrt(np.maximum(rest, 0))[:, None]])


def _exact(
    left: np.ndarray, right: np.ndarray, at: np.ndarray, other: np.ndarray, theta: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pairs (at, other) that reach `theta`, with their cosines."""
    cosines = np.empty(len(at))
    for i in range(0, len(at), BLOCK):
        some = slice(i, i + BLOCK)
        pair = left[at[some]].astype(np.float64), right[other[some]].astype(np.float64)
        cosines[some] = np.einsum("nw,nw->n", *pair)
    kept = cosines >= theta - ROUNDING
    return at[kept], other[kept], np.minimum(cosines[kept], 1.0)


ROUNDING = 1e-6  # unit vectors in float32 round: a picture must be like itself at theta = 1
