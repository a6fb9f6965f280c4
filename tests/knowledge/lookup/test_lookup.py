"""The lookup finds what the published search finds: rings breadth first, all cosines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.knowledge.graph.graph import build_adjacency
from pipeline.knowledge.graph.importing import import_graph
from pipeline.knowledge.lookup.lookup import Hit, Lookup, Pictures, steps
from pipeline.knowledge.lookup.similar import similar_pairs
from pipeline.knowledge.lookup.walk import Walker
from tests.knowledge.conftest import NAMING, distances, edges_of, unit

COUNT = 9
ENTITY = st.integers(0, COUNT - 1)
EDGES = st.lists(st.tuples(ENTITY, ENTITY), max_size=14)  # loops and cycles included


def triples_of(edges: list[tuple[int, int]]) -> np.ndarray:
    rows = sorted({(a, (a + b) % 3, b) for a, b in edges})
    return np.array(rows, np.int32).reshape(-1, 3)


@settings(max_examples=150, deadline=None)
@given(EDGES, st.lists(st.lists(ENTITY, min_size=1, max_size=4), min_size=1, max_size=3))
def test_rings_are_those_of_breadth_first_search(
    edges: list[tuple[int, int]], walks: list[list[int]]
) -> None:
    adjacency = build_adjacency(triples_of(edges), COUNT)
    walker = Walker(adjacency)
    for sources in walks:  # one after another: a walk leaves nothing behind
        before = None
        found: dict[int, int] = {}
        for hop, ring in enumerate(walker.rings(np.array(sources), 4)):
            entities = ring.entities.tolist()
            assert not set(entities) & set(found)
            found |= dict.fromkeys(entities, hop)
            assert ring.cut == 0
            for at, (parent, edge) in enumerate(zip(ring.parents, ring.edges, strict=True)):
                assert before is not None
                origin = before.entities[parent]
                assert adjacency.starts[origin] <= edge < adjacency.starts[origin + 1]
                assert adjacency.neighbours[edge] == entities[at]
            before = ring
        assert found == distances(COUNT, edges, sources, 4)


@settings(max_examples=150, deadline=None)
@given(
    EDGES,
    st.lists(ENTITY, min_size=1, max_size=3),
    st.dictionaries(ENTITY, st.sampled_from([0.9, 0.95, 1.0]), max_size=3),
    st.integers(0, 3),
)
def test_the_nearest_and_then_the_most_similar(
    edges: list[tuple[int, int]], candidates: list[int], alike: dict[int, float], hops: int
) -> None:
    adjacency = build_adjacency(triples_of(edges), COUNT)
    hit = Lookup(adjacency, hops, None).nearest(candidates, alike)
    away = distances(COUNT, edges, candidates, hops)
    reached = [entity for entity in alike if entity in away]
    if not reached:
        assert hit is None
        return
    assert hit is not None
    nearest = min(away[entity] for entity in reached)
    best = max(alike[entity] for entity in reached if away[entity] == nearest)
    assert (hit.hop, hit.similarity) == (nearest, best)
    assert (away[hit.entity], alike[hit.entity]) == (nearest, best)
    at = hit.source
    assert at in candidates
    for relation, outward, entity in steps(adjacency, hit):
        assert (entity, relation, outward) in edges_of(adjacency, at)
        at = entity
    assert at == hit.entity


def test_freebase(shared_data: Path, tmp_path: Path) -> None:
    """The same on FB15k-237: an adjacency by sets, a search by sets."""
    names = {"entity_names": "entity2text.txt", "relation_names": "relation2text.txt"}
    params = NAMING.model_copy(update=names)
    source = shared_data / "fb15k237"
    graph = import_graph(params, source, tmp_path / "graph", tmp_path / "m.json").graph
    neighbours: list[set[int]] = [set() for _ in graph.entities]
    for subject, _, target in graph.triples.tolist():
        neighbours[subject].add(target)
        neighbours[target].add(subject)
    walker = Walker(graph.adjacency)
    for source in np.random.default_rng(0).integers(len(neighbours), size=25).tolist():
        seen, frontier = {source}, {source}
        for ring in walker.rings(np.array([source]), 2):
            assert sorted(ring.entities.tolist()) == sorted(frontier)
            frontier = set().union(*(neighbours[entity] for entity in frontier)) - seen
            seen |= frontier
    assert (len(graph.entities), len(graph.triples)) == (14_951, 38_001)


def test_a_fan_out_is_cut_at_the_best_known_and_counted() -> None:
    triples = np.array([[0, 0, 1], [0, 0, 2], [0, 0, 3], [3, 0, 4], [3, 0, 5]], np.int32)
    adjacency = build_adjacency(triples, 6)
    lookup = Lookup(adjacency, 1, 1)
    assert lookup.nearest([0], {1: 1.0}) is None
    assert lookup.nearest([0], {3: 0.9}) == Hit(3, 1, 0.9, 0, (0,))
    assert lookup.cuts == 2
    assert Lookup(adjacency, 1, 3).nearest([0], {1: 1.0}) is not None


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.05, 0.5, 0.9, 0.999, 1.0]),
    st.sampled_from([3, 40]),
)
def test_pairs_are_those_of_all_cosines(seed: int, theta: float, width: int) -> None:
    random = np.random.default_rng(seed)
    left, right = random.normal(size=(12, width)), random.normal(size=(15, width))
    right[:6] = left[3:9] * random.uniform(0.1, 9, (6, 1))  # the same directions
    right[6:9] = left[:3] + random.normal(size=(3, width)) * 0.1
    left[10], right[12] = 0, 0
    pairs = similar_pairs(left.astype(np.float32), right.astype(np.float32), theta)
    with np.errstate(invalid="ignore"):
        cosines = np.nan_to_num(unit(left) @ unit(right).T)
    clear = np.abs(cosines - theta) > 1e-5  # more than rounding
    found = np.zeros(cosines.shape, bool)
    found[pairs.left, pairs.right] = True
    assert (found == (cosines >= theta))[clear].all()
    np.testing.assert_allclose(pairs.similarity, cosines[pairs.left, pairs.right], atol=1e-5)
    assert sorted(zip(pairs.left, pairs.right, strict=True)) == list(
        zip(pairs.left, pairs.right, strict=True)
    )


def test_many_blocks_of_vectors_without_structure(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound leaves hardly any of them, even where no direction is a principal one."""
    monkeypatch.setattr("pipeline.knowledge.lookup.similar.BLOCK", 64)
    random = np.random.default_rng(0)
    left, right = (random.normal(size=(n, 256)).astype(np.float32) for n in (130, 300))
    right[250] = left[129] * 2
    pairs = similar_pairs(left, right, 0.9)
    assert (pairs.left.tolist(), pairs.right.tolist()) == ([129], [250])


def test_a_picture_of_two_entities_and_an_entity_of_two_pictures() -> None:
    vectors = np.eye(4, dtype=np.float32)[:3]
    pictures = Pictures(vectors, [[7, 8], [8], [9]], 0.3)
    query = np.array([[1, 0.4, 0, 0], [0, 0, 0, 1]], np.float32)
    first, second = pictures.alike(query)
    assert first == pytest.approx({7: 1 / np.sqrt(1.16), 8: 1 / np.sqrt(1.16)})
    assert second == {}
