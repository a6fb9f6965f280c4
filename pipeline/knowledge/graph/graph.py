"""A knowledge graph as tables: entities with their names, triples, and each entity's neighbours.

Entities and relations are numbered in the order of their names, triples sorted and each kept once,
so that the tables are a function of the set of statements, whatever their order in the files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.knowledge.graph.columns import flat, list_of, lists
from pipeline.knowledge.graph.entities import Entities
from pipeline.knowledge.graph.sorting import sort_rows
from pipeline.tables.parquet import read_table, write_table

STAGE = "graph"
ENTITIES, RELATIONS, TRIPLES, ADJACENCY = (
    f"{name}.parquet" for name in ("entities", "relations", "triples", "adjacency")
)


SCHEMAS = {
    ENTITIES: pa.schema(
        [
            pa.field("entity", pa.string(), nullable=False),
            pa.field("label", pa.string()),
            pa.field("aliases", list_of(pa.string())),
            pa.field("degree", pa.int32(), nullable=False),
        ]
    ),
    RELATIONS: pa.schema(
        [
            pa.field("relation", pa.string(), nullable=False),
            pa.field("label", pa.string(), nullable=False),
        ]
    ),
    TRIPLES: pa.schema(
        [pa.field(name, pa.int32(), nullable=False) for name in ("subject", "relation", "object")]
    ),
    ADJACENCY: pa.schema(
        [
            pa.field("neighbours", list_of(pa.int32())),
            pa.field("relations", list_of(pa.int32())),
            pa.field("outward", list_of(pa.bool_())),
        ]
    ),
}


@dataclass(frozen=True)
class Adjacency:
    """Compressed rows: the edges of entity e are those from `starts[e]` to `starts[e + 1]`.

    Each triple is an edge of its subject (outward) and of its object. An entity's edges are in the
    order of the neighbours' degrees, highest first, then by number.
    """

    starts: np.ndarray  # (entities + 1,) int64
    neighbours: np.ndarray  # (2 triples,) int32
    relations: np.ndarray  # (2 triples,) int32
    outward: np.ndarray  # (2 triples,) bool


@dataclass(frozen=True)
class Graph:
    """Entities, relations, distinct triples (t, 3) int32 (subject, relation, object), sorted."""

    entities: Entities
    relations: Sequence[str]
    relation_labels: Sequence[str]
    triples: np.ndarray
    adjacency: Adjacency

    @property
    def degrees(self) -> np.ndarray:
        """The number of edges of each entity, (entities,) int64."""
        return np.diff(self.adjacency.starts)

    def of_subject(self, entity: int) -> np.ndarray:
        """The triples (k, 3) that begin with an entity."""
        first, last = np.searchsorted(self.triples[:, 0], [entity, entity + 1])
        return self.triples[first:last]

    def names(self) -> tuple[list[str], np.ndarray]:
        """All labels and aliases, and for each the number of the entity that it names."""
        texts, owners = [], []
        for number, entity in enumerate(self.entities):
            own = [*([entity.label] if entity.label else []), *entity.aliases]
            texts += own
            owners += [number] * len(own)
        return texts, np.array(owners, np.int32)


def rank_entities(degrees: np.ndarray) -> np.ndarray:
    """Ranks (n,) of degrees (n,): the highest degree has rank 0; equal ones go by number."""
    ranks = np.empty(len(degrees), np.int64)
    ranks[np.argsort(-degrees.astype(np.int64), kind="stable")] = np.arange(len(degrees))
    return ranks


def build_graph(
    entities: Entities, relations: Sequence[str], labels: Sequence[str], triples: np.ndarray
) -> Graph:
    """A graph of entities and relations in the order of their names, and triples (t, 3) int32.

    The memory of `triples` becomes that of the graph's.
    """
    distinct = _distinct(triples, len(relations), len(entities))
    adjacency = build_adjacency(distinct, len(entities))
    return Graph(entities, relations, labels, distinct, adjacency)


def build_adjacency(triples: np.ndarray, count: int) -> Adjacency:
    """The edges of `count` entities, from distinct triples (t, 3) int32.

    Between two entities, outward edges come before inward ones, each by relation.
    """
    subjects, relations, objects = triples.T
    degrees = np.bincount(subjects, minlength=count) + np.bincount(objects, minlength=count)
    ranks = rank_entities(degrees).astype(np.int32)
    columns = (  # (2t,) each: node, rank of its neighbour, whether inward, relation
        np.concatenate(ends)
        for ends in (
            (subjects, objects),
            (ranks[objects], ranks[subjects]),
            (np.zeros(len(triples), bool), np.ones(len(triples), bool)),
            (relations, relations),
        )
    )
    sizes = (count, count, 2, int(relations.max(initial=0)) + 1)
    _, neighbours, inward, along = sort_rows(columns, sizes)
    starts = np.concatenate([[0], np.cumsum(degrees)]).astype(np.int64)
    by_rank = np.argsort(ranks).astype(np.int32)
    return Adjacency(starts, by_rank[neighbours], along, inward == 0)


def _distinct(triples: np.ndarray, relations: int, entities: int) -> np.ndarray:
    """Sorted by subject, relation and object, each once; in the memory of `triples`."""
    columns = sort_rows(triples.T, (entities, relations, entities))
    new = np.zeros(len(triples), bool)
    new[:1] = True
    for column in columns:
        new[1:] |= column[1:] != column[:-1]
    distinct = triples[: np.count_nonzero(new)]
    for at, column in enumerate(columns):
        distinct[:, at] = column[new]
    return distinct


def write_graph(graph: Graph, folder: Path) -> None:
    """Write the four tables of a graph into `folder`."""
    adjacency = graph.adjacency
    columns = {
        ENTITIES: [
            graph.entities.names,
            graph.entities.labels,
            graph.entities.aliases,
            graph.degrees.astype(np.int32),
        ],
        RELATIONS: [list(graph.relations), list(graph.relation_labels)],
        TRIPLES: [np.ascontiguousarray(column) for column in graph.triples.T],
        ADJACENCY: [
            lists(adjacency.starts, values, element.type.value_type)
            for values, element in zip(
                (adjacency.neighbours, adjacency.relations, adjacency.outward),
                SCHEMAS[ADJACENCY],
                strict=True,
            )
        ],
    }
    for name, schema in SCHEMAS.items():
        write_table(pa.table(columns[name], schema), folder / name)


def read_graph(folder: Path) -> Graph:
    """Read the tables that `write_graph` wrote.

    Raises:
        PipelineError: if one is missing or damaged, or they are not of one graph.
    """
    tables = {name: read_table(folder / name, schema, STAGE) for name, schema in SCHEMAS.items()}
    entities = Entities(*(column.combine_chunks() for column in tables[ENTITIES].columns[:3]))
    triples = np.stack(
        [tables[TRIPLES][name].to_numpy() for name in SCHEMAS[TRIPLES].names], axis=1
    )
    columns = [flat(tables[ADJACENCY][name]) for name in SCHEMAS[ADJACENCY].names]
    adjacency = Adjacency(columns[0][0], *(values for _, values in columns))
    relations, relation_labels = tables[RELATIONS].to_pydict().values()
    return Graph(entities, relations, relation_labels, triples, adjacency)
