"""The union of the rows of several stores of one fingerprint; no network runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.errors import PipelineError
from pipeline.fingerprint import Fingerprint
from pipeline.store.index import INDEX, SUMMARY
from pipeline.store.reader import Reader
from pipeline.store.rows import empty
from pipeline.store.store import Report, Store

HANDED = 256  # rows that are in memory at a time


def merge(target: Path, sources: Sequence[Path]) -> Report:
    """Add to the store `target` the rows of `sources` that it lacks; it is made if there is none.

    A row that several stores hold is taken from `target`, else from the first of `sources`. The
    bytes are those of a store that was filled with all these rows in one run. Killed at any
    instant, `target` is still the old store, and the same call goes on.

    Raises:
        PipelineError: if a store is not whole or not finished, if two differ in their fingerprint
            (the message says in what), or if a source is the target.
    """
    if any(source.resolve() == target.resolve() for source in sources):
        raise PipelineError(f"{target}: a store cannot be merged into itself")
    there = (target / INDEX).exists() or (target / SUMMARY).exists()
    readers = [Reader(path) for path in ([target] if there else []) + list(sources)]
    made = readers[0].fingerprint
    for reader in readers[1:]:
        if reader.fingerprint != made:
            raise PipelineError(
                f"{reader.directory}: not of the fingerprint of {readers[0].directory}:"
                f" {_difference(made, reader.fingerprint)}. Rows of two fingerprints are never"
                " mixed; extract one of them again with the parameters of the other"
            )
    with Store(target, made) as store:
        missing = store.missing(key for reader in readers for key in reader.keys)
        if not there and store.drops():
            raise PipelineError(
                f"{target}: holds shards without an index, of a run that has not finished, and rows"
                " in them that the others lack; finish that run first, or merge into a new folder"
            )
        for start in range(0, len(missing), HANDED):
            keys = missing[start : start + HANDED]
            store.add(keys, _rows(readers[there:], made, keys))
        return store.finish()


def _rows(
    readers: Sequence[Reader], made: Fingerprint, keys: Sequence[str]
) -> dict[str, np.ndarray]:
    """For each output the rows of `keys`, each from the first reader that has it."""
    arrays = {name: empty(output, len(keys)) for name, output in made.outputs.items()}
    left = list(range(len(keys)))
    for reader in readers:
        held = [at for at in left if keys[at] in reader]
        for name, array in arrays.items():
            for at, row in zip(held, reader.views(name, [keys[at] for at in held]), strict=True):
                array[at] = row
        left = [at for at in left if keys[at] not in reader]
    return arrays


def _difference(one: Fingerprint, other: Fingerprint) -> str:
    """What two fingerprints differ in, in words."""
    mine, theirs = one.to_json(), other.to_json()
    return ", ".join(
        f"{name} {theirs[name]} and not {mine[name]}" for name in mine if mine[name] != theirs[name]
    )
