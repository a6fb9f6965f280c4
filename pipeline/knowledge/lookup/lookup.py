"""The search for the entity that a post's picture shows, around the names in the post's text.

Source: Chen et al. 2021, section 3.2, "Image Knowledge".

The published search compares the picture with the pictures of the candidate entities. If the best
cosine is at or above theta, the picture shows that entity; else the search compares the neighbours
one hop away, then those two hops away, up to `hops`.

The paper leaves open:

- Which features of two pictures are compared. Here: the output `pooled` of the role `tags`.
- Which relations lead to a neighbour, and which way. Here: all of them, both ways.
- Which entity counts if several reach theta. Here: of the nearest the most similar, and one for a
  post, whatever the number of its mentions.
- How fuzzywuzzy decides that an entity is a candidate. Here: `knowledge.scorer`, `cutoff` and
  `best`.

This module works in another order, which gives the same entities and costs far less. First it finds
all pairs of pictures at or above theta (`pipeline.knowledge.lookup.similar`), which few posts have.
Then a walk from the post's candidates tells how far away the entities of such pictures are. An
entity whose pictures are all below theta never ends the published search, at any hop.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.knowledge.graph.graph import Adjacency
from pipeline.knowledge.lookup.similar import Compared
from pipeline.knowledge.lookup.walk import Ring, Walker


@dataclass(frozen=True)
class Hit:
    """The entity that a picture shows.

    Attributes:
        entity: its number.
        hop: the number of relations between it and the candidate.
        similarity: the cosine of the post's picture and the entity's most similar one.
        source: the candidate's number.
        edges: places in the adjacency, one for each hop from the candidate on; each belongs to the
            entity that the hop starts from.
    """

    entity: int
    hop: int
    similarity: float
    source: int
    edges: tuple[int, ...]


class Pictures:
    """The entities' pictures: vectors (m, width), and the entities that each shows."""

    def __init__(self, vectors: np.ndarray, owners: Sequence[Sequence[int]], theta: float) -> None:
        """`owners`: for each vector the entities that it shows; `theta`: the least cosine."""
        self._compared = Compared(vectors, theta)
        counts = [len(shown) for shown in owners]
        self._starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self._owners = np.array([entity for shown in owners for entity in shown], np.int64)

    def alike(self, pictures: np.ndarray) -> list[dict[int, float]]:
        """For each picture (n, width), the entities of similar ones with their best cosines."""
        found: list[dict[int, float]] = [{} for _ in range(len(pictures))]
        pairs = self._compared.pairs(pictures)
        for at, vector, cosine in zip(
            pairs.left.tolist(), pairs.right.tolist(), pairs.similarity.tolist(), strict=True
        ):
            for entity in self._owners[self._starts[vector] : self._starts[vector + 1]].tolist():
                found[at][entity] = max(cosine, found[at].get(entity, 0.0))
        return found


class Lookup:
    """Looks for entities in one graph, and counts the fan-outs that were cut."""

    def __init__(self, adjacency: Adjacency, hops: int, fan_out: int | None) -> None:
        self.cuts = 0
        self._hops = hops
        self._walker = Walker(adjacency, fan_out)
        self._similarity = np.zeros(len(adjacency.starts) - 1)  # to the picture of one post

    def nearest(self, candidates: Sequence[int], alike: Mapping[int, float]) -> Hit | None:
        """The entity in `alike` that is nearest to a candidate; of several, the most similar.

        Args:
            candidates: entities, the best first; of equally long ways the first candidate's counts.
            alike: entity -> the cosine of its most similar picture; all at or above theta.
        """
        if not candidates or not alike:
            return None
        entities = np.fromiter(alike, np.int64, len(alike))
        self._similarity[entities] = np.fromiter(alike.values(), np.float64, len(alike))
        try:
            return self._walk(np.array(candidates, np.int64))
        finally:
            self._similarity[entities] = 0

    def _walk(self, sources: np.ndarray) -> Hit | None:
        rings: list[Ring] = []
        for ring in self._walker.rings(sources, self._hops):
            rings.append(ring)
            self.cuts += ring.cut
            similarity = self._similarity[ring.entities]
            if similarity.any():
                return _hit(rings, int(similarity.argmax()), float(similarity.max()))
        return None


def _hit(rings: Sequence[Ring], at: int, similarity: float) -> Hit:
    """Go back from place `at` of the last ring to the candidate."""
    entity = int(rings[-1].entities[at])
    edges: list[int] = []
    for ring in reversed(rings[1:]):
        edges.append(int(ring.edges[at]))
        at = int(ring.parents[at])
    return Hit(entity, len(edges), similarity, int(rings[0].entities[at]), tuple(reversed(edges)))


def steps(adjacency: Adjacency, hit: Hit) -> Iterator[tuple[int, bool, int]]:
    """For each hop of a hit: relation, whether walked from subject to object, entity reached."""
    for edge in hit.edges:
        yield (
            int(adjacency.relations[edge]),
            bool(adjacency.outward[edge]),
            int(adjacency.neighbours[edge]),
        )
