"""Collect the rows of one shard from memory and from other shard files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from pipeline.fingerprint import Output
from pipeline.store.keys import Keys, positions
from pipeline.store.rows import empty
from pipeline.store.shard import Header, read_rows


def gather(
    keys: Keys,
    outputs: Mapping[str, Output],
    fresh: tuple[Keys, Mapping[str, np.ndarray]],
    shards: Iterable[tuple[Path, Header]],
) -> tuple[Keys, dict[str, np.ndarray]]:
    """Collect the rows of `keys` from `fresh`, then from each of `shards`; the first place counts.

    Args:
        keys: (n,), ascending.
        outputs: the outputs that make up a row.
        fresh: computed rows: their keys (m,), ascending, and for each output m rows.
        shards: files that may hold the other rows.

    Returns:
        The keys that were found, (k,), and for each output their rows (see `pipeline.store.rows`).
    """
    if np.array_equal(keys, fresh[0]):  # so it is with every shard of a first fill
        return keys, dict(fresh[1])
    arrays = {name: empty(output, len(keys)) for name, output in outputs.items()}
    found = np.zeros(len(keys), bool)
    places: list[tuple[Keys, Callable[[str], np.ndarray]]] = [(fresh[0], fresh[1].__getitem__)]
    places += [(header.keys, partial(_read, outputs, path, header)) for path, header in shards]
    for held, read in places:
        at = positions(keys, held)
        take = ~found & (at >= 0)
        if take.any():
            for name, array in arrays.items():
                array[take] = read(name)[at[take]]
            found |= take
    return keys[found], {name: array[found] for name, array in arrays.items()}


def _read(outputs: Mapping[str, Output], path: Path, header: Header, name: str) -> np.ndarray:
    return read_rows(path, header, name, outputs[name])
