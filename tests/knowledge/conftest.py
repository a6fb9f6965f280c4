"""Small graphs, and slow readings of the definitions to hold the quick ones to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from pipeline.files import write_json
from pipeline.knowledge.graph.graph import Adjacency, Graph, write_graph
from pipeline.knowledge.graph.importing import Report, read_statements
from pipeline.params.graph import Graph as GraphParams
from tests.blocks import of_project

EXAMPLE = "http://example.org/"
LABEL, ALIAS, REDIRECT = f"{EXAMPLE}label", f"{EXAMPLE}alias", f"{EXAMPLE}redirect"
NAMING = of_project(
    "graph", GraphParams, labels=[LABEL], aliases=[ALIAS], redirects=[REDIRECT], languages=["en"]
)
Import = Callable[..., Report]


def iri(name: str) -> str:
    return f"<{EXAMPLE}{name}>"


def statement(subject: str, relation: str, target: str) -> str:
    return f"{iri(subject)} {iri(relation)} {iri(target)} ."


def named(subject: str, relation: str, text: str, language: str = "@en") -> str:
    return f'{iri(subject)} {iri(relation)} "{text}"{language} .'


@pytest.fixture
def imported(tmp_path: Path) -> Import:
    """`imported(lines or bytes, name)`: the report of an import of that file."""

    def run(content: Sequence[str] | bytes, name: str = "graph.nt", **names: str | None) -> Report:
        path = tmp_path / "source" / name
        path.parent.mkdir(exist_ok=True)
        raw = content if isinstance(content, bytes) else ("\n".join(content) + "\n").encode()
        path.write_bytes(raw)
        source = path.parent if any(names.values()) else path
        params = NAMING.model_copy(update=names)
        report = read_statements(params, source)
        write_graph(report.graph, tmp_path / "graph")
        write_json(tmp_path / "graph.json", report.metrics())
        return report

    return run


def shown(graph: Graph) -> set[tuple[str, str, str]]:
    """The triples of a graph by the ends of their names."""
    ends = [entity.name.removeprefix(EXAMPLE) for entity in graph.entities]
    relations = [relation.removeprefix(EXAMPLE) for relation in graph.relations]
    return {(ends[s], relations[r], ends[o]) for s, r, o in graph.triples.tolist()}


def distances(
    count: int, edges: Sequence[tuple[int, int]], sources: Sequence[int], hops: int
) -> dict[int, int]:
    """Breadth-first search by its definition: entity -> least number of edges to a source."""
    found = dict.fromkeys(sources, 0)
    for hop in range(1, hops + 1):
        for entity in range(count):
            if entity in found:
                continue
            neighbours = {b for a, b in edges if a == entity} | {a for a, b in edges if b == entity}
            if any(found.get(neighbour) == hop - 1 for neighbour in neighbours):
                found[entity] = hop
    return found


def edges_of(adjacency: Adjacency, entity: int) -> list[tuple[int, int, bool]]:
    """(neighbour, relation, outward) of each edge of an entity."""
    some = slice(adjacency.starts[entity], adjacency.starts[entity + 1])
    columns = (adjacency.neighbours, adjacency.relations, adjacency.outward)
    return list(zip(*(column[some].tolist() for column in columns), strict=True))


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
