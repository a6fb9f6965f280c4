"""Workers of a cluster write shards for the process that holds the store.

An order says all that a worker needs. A worker may carry it out twice or die half way without harm,
since a shard is written whole and its name stands for its content.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.fingerprint import Fingerprint
from pipeline.store.commits import Held
from pipeline.store.gather import gather
from pipeline.store.keys import Keys, shard_name
from pipeline.store.shard import Header, write_shard
from pipeline.store.shelf import Part


@dataclass(frozen=True, eq=False)  # two arrays do not compare to one bool
class Order:
    """One shard that a worker shall write.

    Attributes:
        directory: the directory of the store.
        part: the keys that the shard shall hold.
        missing: the keys of the rows that must be computed, in hexadecimal, ascending.
        sources: the shards that may hold the other rows.
    """

    directory: Path
    part: Part
    missing: tuple[str, ...]
    sources: tuple[tuple[Path, Header], ...]


def collect(
    part: Part,
    fingerprint: Fingerprint,
    fresh: tuple[Keys, Mapping[str, np.ndarray]],
    sources: tuple[tuple[Path, Header], ...],
) -> tuple[str, Keys, dict[str, np.ndarray]]:
    """Collect a shard from the rows of `part` that are fresh or in `sources`.

    Args:
        part: the keys that the shard shall hold.
        fingerprint: the fingerprint of the store.
        fresh: keys (m,), ascending, and for each output their rows, (m, *shape).
        sources: the shards that may hold the other rows.

    Returns:
        The name of the shard, its keys (n,), and for each output its rows, (n, *shape).
    """
    found, arrays = gather(part.keys, fingerprint.outputs, fresh, sources)
    return shard_name(part.number, part.of, fingerprint.digest, found), found, arrays


def carry_out(
    order: Order, fingerprint: Fingerprint, fresh: tuple[Keys, Mapping[str, np.ndarray]]
) -> Held:
    """Write the shard of an order; `fresh` holds the missing keys and their rows.

    Raises:
        NoRoomError: if the disk is full.
    """
    name, keys, arrays = collect(order.part, fingerprint, fresh, order.sources)
    return Held(name, keys, write_shard(order.directory / name, keys, arrays, fingerprint.digest))
