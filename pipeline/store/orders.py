"""Shards written elsewhere than in the process that holds the store: by workers of a cluster.

An order says all that a worker needs; carrying it out twice, or half, does no harm, since a shard
is written whole and its name stands for its content.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.fingerprint import Fingerprint
from pipeline.store.commits import Held
from pipeline.store.gather import gather
from pipeline.store.keys import Keys, Part, shard_name
from pipeline.store.shard import Header, write_shard


@dataclass(frozen=True, eq=False)  # keys are an array
class Order:
    """One shard to be written.

    Attributes:
        directory: of the store.
        part: what the shard is to hold.
        missing: its rows that are to be computed, in hexadecimal, ascending.
        sources: the shards that may hold its other rows.
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
    """The name of a shard, its keys and its rows: those of `part` that are fresh or in `sources`.

    Args:
        part: what it is to hold.
        fingerprint: of the store.
        fresh: keys (m,), ascending, and by output their rows, (m, *shape).
        sources: shards that may hold others of the rows.
    """
    found, arrays = gather(part.keys, fingerprint.outputs, fresh, sources)
    return shard_name(part.number, part.of, fingerprint.digest, found), found, arrays


def carry_out(
    order: Order, fingerprint: Fingerprint, fresh: tuple[Keys, Mapping[str, np.ndarray]]
) -> Held:
    """Write the shard of an order; `fresh` are the keys that it misses and their rows.

    Raises:
        NoRoomError: if the disk is full.
    """
    name, keys, arrays = collect(order.part, fingerprint, fresh, order.sources)
    return Held(name, keys, write_shard(order.directory / name, keys, arrays, fingerprint.digest))
