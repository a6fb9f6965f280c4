"""Which sequences share a batch: those of like length, which saves padding."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

# The number of batches in a pool. Posts are shuffled, then sorted by length within each pool, so
# that the posts of a batch are alike in length while each epoch composes other batches.
POOL = 20


def in_order(lengths: np.ndarray, batch: int) -> list[list[int]]:
    """Places in batches, longest first: the fewest padded steps, for scoring."""
    order = np.argsort(-lengths, kind="stable").tolist()
    return [order[start : start + batch] for start in range(0, len(order), batch)]


def shuffled(lengths: np.ndarray, batch: int, random: np.random.Generator) -> Iterator[list[int]]:
    """Places in batches of like length, in an order drawn from `random`."""
    order = random.permutation(len(lengths))
    pool = POOL * batch
    batches = []
    for start in range(0, len(order), pool):
        part = order[start : start + pool]
        part = part[np.argsort(lengths[part], kind="stable")]
        batches += [part[at : at + batch].tolist() for at in range(0, len(part), batch)]
    for place in random.permutation(len(batches)):
        yield batches[place]
