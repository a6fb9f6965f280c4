"""Walks through a graph from some entities outwards, one hop after another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipeline.knowledge.graph.graph import Adjacency


@dataclass(frozen=True)
class Ring:
    """The entities that a walk first reaches after a number of hops.

    Attributes:
        entities: (n,) int64, in the order of the ring before and of each entity's edges.
        parents: (n,) int64, places in the ring before; if several lead here, the first. Empty for
            the entities that the walk begins with.
        edges: (n,) int64, the edge that reached each, as its place in the adjacency.
        cut: how many entities of the ring before had more edges than were followed.
    """

    entities: np.ndarray
    parents: np.ndarray
    edges: np.ndarray
    cut: int


class Walker:
    """Walks one graph again and again; a walk costs as much as it reaches, whatever the graph."""

    def __init__(self, adjacency: Adjacency, fan_out: int | None = None) -> None:
        """At most `fan_out` edges of an entity are followed, first to neighbours of high degree."""
        self._adjacency = adjacency
        self._fan_out = fan_out
        self._seen = np.full(len(adjacency.starts) - 1, -1, np.int64)  # the walk that was here last
        self._walks = 0

    def rings(self, sources: np.ndarray, hops: int) -> Iterator[Ring]:
        """Yield the ring of the distinct `sources` themselves, then those of 1 to `hops` hops.

        Relations are walked both ways. An entity stands only in the ring of its least number of
        hops. A walk must end before the next one begins.
        """
        self._walks += 1
        none = np.empty(0, np.int64)
        entities, _ = self._new(sources.astype(np.int64))
        yield Ring(entities, none, none, 0)
        for _ in range(hops):
            edges, parents, cut = self._edges(entities)
            entities, first = self._new(self._adjacency.neighbours[edges].astype(np.int64))
            yield Ring(entities, parents[first], edges[first], cut)

    def _edges(self, entities: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
        """The edges of `entities`, the place of each edge's entity, and the number of those cut."""
        starts = self._adjacency.starts[entities]
        counts = self._adjacency.starts[entities + 1] - starts
        cut = 0
        if self._fan_out is not None:
            cut = int((counts > self._fan_out).sum())
            counts = np.minimum(counts, self._fan_out)
        parents = np.repeat(np.arange(len(entities)), counts)
        before = np.cumsum(counts) - counts  # how many edges the entities before each one have
        edges = np.arange(len(parents)) + (starts - before)[parents]
        return edges, parents, cut

    def _new(self, entities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The entities that are new to this walk, each once, and their first places."""
        unseen = np.flatnonzero(self._seen[entities] != self._walks)
        found = entities[unseen]
        self._seen[found] = self._walks
        _, first = np.unique(found, return_index=True)
        first.sort()
        return found[first], unseen[first]
