"""Posts against a graph with pictures: our lookup, the published search by loops, all cosines."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.knowledge.graph.graph import Adjacency, build_adjacency
from pipeline.knowledge.lookup.lookup import Lookup, Pictures

ENTITIES, EDGES, POSTS, CANDIDATES, HOPS, THETA = 100_000, 500_000, 8257, 10, 2, 0.9


@dataclass(frozen=True)
class World:
    """A graph, a picture's vector for each entity, and posts with their candidates."""

    adjacency: Adjacency
    entities: np.ndarray  # (100000, width) float32
    posts: np.ndarray  # (8257, width) float32
    candidates: Sequence[Sequence[int]]


def make_world(features: np.ndarray, seed: int) -> World:
    """A world out of real features (n, width) of photographs.

    A picture mixes the features of three photographs, each number times a random factor. A third
    of the posts show an entity's picture with a little noise, at 0 to 2 hops from a candidate.
    Entities of many edges are candidates and neighbours more often, as they are in real graphs.
    """
    random = np.random.default_rng(seed)

    def popular(count: int) -> np.ndarray:
        return (ENTITIES * random.random(count) ** 2).astype(np.int32)

    relations = random.integers(0, 200, EDGES).astype(np.int32)
    triples = np.stack([popular(EDGES), relations, popular(EDGES)], axis=1)
    adjacency = build_adjacency(np.unique(triples, axis=0), ENTITIES)
    entities = _mixed(features, ENTITIES, random)
    posts = _mixed(features, POSTS, random)
    candidates = [popular(CANDIDATES).tolist() for _ in range(POSTS)]
    for post in range(0, POSTS, 3):
        at = candidates[post][0]
        for _ in range(int(random.integers(0, HOPS + 1))):
            first, last = adjacency.starts[at : at + 2]
            if last > first:
                at = int(adjacency.neighbours[random.integers(first, last)])
        noise = random.uniform(0.8, 1.2, entities.shape[1])
        posts[post] = entities[at] * noise
    return World(adjacency, entities, posts, candidates)


def _mixed(features: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    rows = np.empty((count, features.shape[1]), np.float32)
    for first in range(0, count, 4096):
        part = rows[first : first + 4096]
        parents = features[random.integers(len(features), size=(len(part), 3))]  # (b, 3, width)
        shares = random.dirichlet(np.ones(3), len(part)).astype(np.float32)
        factors = random.lognormal(0, 0.5, part.shape).astype(np.float32)
        np.multiply(np.einsum("bk,bkw->bw", shares, parents), factors, out=part)
    return rows


def look_up_all(world: World) -> tuple[list[tuple[int, int] | None], float]:
    """(entity, hop) of every post, and the seconds that it took."""
    start = time.perf_counter()
    pictures = Pictures(world.entities, [[entity] for entity in range(len(world.entities))], THETA)
    alike = pictures.alike(world.posts)
    lookup = Lookup(world.adjacency, HOPS, None)
    hits = [lookup.nearest(*row) for row in zip(world.candidates, alike, strict=True)]
    found = [None if hit is None else (hit.entity, hit.hop) for hit in hits]
    return found, time.perf_counter() - start


def by_definition(world: World, post: int) -> tuple[int, int] | None:
    """The published search: ring after ring, every picture of a ring compared."""
    adjacency = world.adjacency
    seen = ring = set(world.candidates[post])
    for hop in range(HOPS + 1):
        best = (
            max((cosine(world.posts[post], world.entities[e]), e) for e in ring) if ring else None
        )
        if best and best[0] >= THETA:
            return best[1], hop
        edges = (slice(adjacency.starts[e], adjacency.starts[e + 1]) for e in ring)
        ring = {int(e) for some in edges for e in adjacency.neighbours[some]} - seen
        seen = seen | ring
    return None


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    """The cosine of two vectors."""
    return float(one @ other / np.sqrt((one @ one) * (other @ other)))


def loop_seconds(world: World, posts: int) -> float:
    """Seconds that comparing every post with every entity's picture in a loop would take."""
    start = time.perf_counter()
    for post in world.posts[:posts]:
        for picture in world.entities:
            cosine(post, picture)
    return (time.perf_counter() - start) / posts * len(world.posts)


def dense_seconds(world: World, posts: int) -> float:
    """The seconds for one matrix of all products, projected from that of the first `posts`."""
    start = time.perf_counter()
    for first in range(0, len(world.entities), 10_000):
        world.posts[:posts] @ world.entities[first : first + 10_000].T
    return (time.perf_counter() - start) / posts * len(world.posts)
