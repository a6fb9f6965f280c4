"""Walking a graph from some entities outwards, one hop after another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipeline.knowledge.graph.graph import Adjacency


@dataclass(frozen=True)
class Ring:
    """The entities that are first reached after so many hops.

    Attributes:
        entities: (n,) int64, in the order of the ring before and of each entity's edges.
        parents: (n,) int64, places in the ring before; of several ways, the first. Empty for the
            entities that the walk begins with.
        edges: (n,) int64, places in the adjacency: the edge by which each was reached.
        cut: entities of the ring before of which not all edges were followed.
    """

    entities: np.ndarray
    parents: np.ndarray
    edges: np.ndarray
    cut: int


class Walker:
    """Walks one graph, again and again; each walk costs what it reaches, not the graph."""

    def __init__(self, adjacency: Adjacency, fan_out: int | None = None) -> None:
        """`fan_out`: edges followed of an entity at most, to neighbours of highest degree first."""
        self._adjacency = adjacency
        self._fan_out = fan_out
        self._seen = np.full(len(adjacency.starts) - 1, -1, np.int64)  # the walk that was here last
        self._walks = 0

    def rings(self, sources: np.ndarray, hops: int) -> Iterator[Ring]:
        """Yield the ring of the different `sources` themselves, and those of 1 to `hops` hops.

        Relations are walked both ways. An entity is in the ring of its least number of hops alone.
        A walk must be finished before the next one is begun.
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
        """The edges of `entities`, the places of their entities, and how many entities were cut."""
        starts = self._adjacency.starts[entities]
        counts = self._adjacency.starts[entities + 1] - starts
        cut = 0
        if self._fan_out is not None:
            cut = int((counts > self._fan_out).sum())
            counts = np.minimum(counts, self._fan_out)
        parents = np.repeat(np.arange(len(entities)), counts)
        before = np.cumsum(counts) - counts  # edges of the entities before each one
        edges = np.arange(len(parents)) + (starts - before)[parents]
        return edges, parents, cut

    def _new(self, entities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Those not seen in this walk, each once, and the places where they first stand."""
        unseen = np.flatnonzero(self._seen[entities] != self._walks)
        found = entities[unseen]
        self._seen[found] = self._walks
        _, first = np.unique(found, return_index=True)
        first.sort()
        return found[first], unseen[first]
