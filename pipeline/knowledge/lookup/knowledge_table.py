"""The table of knowledge: a phrase for each post, and how it was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.knowledge.graph.graph import Graph
from pipeline.knowledge.lookup.concepts import Concepts, Triple, words_of
from pipeline.knowledge.lookup.lookup import Hit, steps
from pipeline.params.knowledge import Knowledge
from pipeline.tables.phrases import NONE, WeightedWords, plain, write_phrases

_TRIPLE = pa.struct([(name, pa.string()) for name in ("subject", "relation", "object")])
_FURTHER = {
    "mention": pa.string(),
    "candidate": pa.string(),
    "entity": pa.string(),
    "path": pa.list_(pa.string()),
    "hop": pa.int32(),
    "similarity": pa.float32(),
    "triples": pa.list_(_TRIPLE),
    "reason": pa.string(),
    "mention_source": pa.string(),
}


@dataclass(frozen=True)
class Row:
    """The outcome for one post; `reason` says why it has no knowledge, and is empty if it has."""

    post: str
    reason: str
    mention: str | None = None
    hit: Hit | None = None


def write_knowledge(
    params: Knowledge,
    path: Path,
    rows: Sequence[Row],
    graph: Graph,
    concepts: Concepts,
    *,
    fingerprint: str,
    facts: Mapping[str, str],
) -> list[tuple[int | None, str]]:
    """Write the table.

    Args:
        params: says which parts of a triple give words.
        path: the table.
        rows: one for each post.
        graph: the graph that the rows speak of.
        concepts: what it says of entities.
        fingerprint: a digest of all that the words are made from.
        facts: the same for a reader; `mentions`, their source, is written into each row, too.

    Returns:
        The hop (None without one) and the reason of each row.
    """
    columns: dict[str, list[Any]] = {name: [] for name in _FURTHER}
    phrases, written = [], []
    for row in rows:
        hit = row.hit
        triples, words, reason = knowledge_of(row, concepts, params)
        phrases.append((row.post, words))
        written.append((None if hit is None else hit.hop, reason))
        values = {
            "mention": row.mention,
            "candidate": None if hit is None else graph.entities[hit.source].name,
            "entity": None if hit is None else graph.entities[hit.entity].name,
            "path": [] if hit is None else path_of(graph, hit),
            "hop": None if hit is None else hit.hop,
            "similarity": None if hit is None else hit.similarity,
            "triples": triples,
            "reason": reason,
            "mention_source": facts["mentions"],
        }
        for name, value in values.items():
            columns[name].append(value)
    further = {name: pa.array(columns[name], kind) for name, kind in _FURTHER.items()}
    write_phrases(path, "post", fingerprint, phrases, further, facts)
    return written


def knowledge_of(
    row: Row, concepts: Concepts, params: Knowledge
) -> tuple[list[Triple], WeightedWords, str]:
    """What the graph says of the entity found, the words of it, and why there is none."""
    if row.hit is None:
        return [], NONE, row.reason
    triples = concepts.of(row.hit.entity)
    if not triples:
        return [], NONE, "the graph says nothing conceptual of the entity"
    return triples, plain([word for one in triples for word in words_of(one, params)]), row.reason


def path_of(graph: Graph, hit: Hit) -> list[str]:
    """The names of entities and of the relations between them; `^` marks one walked backwards."""
    path = [graph.entities[hit.source].name]
    for relation, outward, entity in steps(graph.adjacency, hit):
        path += [
            f"{'' if outward else '^'}{graph.relations[relation]}",
            graph.entities[entity].name,
        ]
    return path
