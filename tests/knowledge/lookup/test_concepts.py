"""Which triples say what an entity is, and the words that they give."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import yaml

from pipeline.errors import PipelineError
from pipeline.knowledge.graph.graph import Graph
from pipeline.knowledge.graph.importing import import_graph
from pipeline.knowledge.lookup.concepts import Concepts, words_of
from pipeline.params.graph import Graph as GraphParams
from pipeline.params.knowledge import Knowledge
from tests.blocks import of_project
from tests.knowledge.conftest import EXAMPLE, Import, named, statement

LINES = [
    named("kobe", "label", "Kobe Bryant"),
    named("player", "label", "basketball player"),
    statement("kobe", "isA", "player"),
    statement("kobe", "playsFor", "lakers"),
    statement("player", "kind#type", "job"),
    statement("lakers", "typeOfUnion", "club"),
]
KOBE = {"subject": "Kobe Bryant", "relation": "isA", "object": "basketball player"}


@pytest.fixture
def graph(imported: Import) -> Graph:
    return imported(LINES).graph


def number(graph: Graph, name: str) -> int:
    return graph.entities.names.to_pylist().index(name)


def test_relations_match_by_whole_names_or_by_their_ends(graph: Graph) -> None:
    found = {}
    for names in (["isA"], ["type"], [f"{EXAMPLE}isA", "type"], ["playsFor"]):
        concepts = Concepts(graph, names, "graph")
        of = {name: concepts.of(number(graph, f"{EXAMPLE}{name}")) for name in ("kobe", "player")}
        found[names[0], len(names)] = {name: len(triples) for name, triples in of.items()}
        assert not concepts.of(number(graph, f"{EXAMPLE}lakers"))  # typeOfUnion is no type
    assert found == {
        ("isA", 1): {"kobe": 1, "player": 0},
        ("type", 1): {"kobe": 0, "player": 1},
        (f"{EXAMPLE}isA", 2): {"kobe": 1, "player": 1},
        ("playsFor", 1): {"kobe": 1, "player": 0},
    }


@pytest.mark.parametrize(
    ("subject", "relation", "words"),
    [
        (False, False, "basketball player"),
        (True, False, "Kobe Bryant basketball player"),
        (False, True, "is A basketball player"),
        (True, True, "Kobe Bryant is A basketball player"),  # the paper's example
    ],
)
def test_words_come_in_the_order_of_the_triple(
    graph: Graph, subject: bool, relation: bool, words: str
) -> None:
    (triple,) = Concepts(graph, ["isA"], "graph").of(number(graph, f"{EXAMPLE}kobe"))
    assert triple == KOBE
    params = of_project("knowledge", Knowledge, subject_words=subject, relation_words=relation)
    assert words_of(triple, params) == words.split()


def test_a_graph_without_such_a_relation_lists_its_most_frequent_ones(imported: Import) -> None:
    lines = [statement(f"a{n}", f"r{n % 12}", f"b{n}") for n in range(12 * 3)]
    lines += [statement("a", "r7", "b"), statement("c", "r7", "b"), statement("a", "r3", "b")]
    with pytest.raises(PipelineError) as caught:
        Concepts(imported(lines).graph, ["isA", "type"], "features/graph (mine)")
    first, *listed = str(caught.value).splitlines()
    assert first == (
        "features/graph (mine): has none of the relations isA, type; set knowledge.conceptual to"
        " those that say what an entity is, in the graph's file of conf/graph. Its 12 relations,"
        " the most frequent first:"
    )
    assert listed[:3] == [f"  5 x {EXAMPLE}r7", f"  4 x {EXAMPLE}r3", f"  3 x {EXAMPLE}r0"]
    assert (len(listed), listed[-1]) == (11, "  and 2 more")


def test_freebases_preset_names_what_its_entities_are(
    shared_data: Path, root: Path, tmp_path: Path
) -> None:
    """The real FB15k-237: each relation named is there, no other is caught, and few say nothing."""
    preset = yaml.safe_load((root / "conf" / "graph" / "fb15k237.yaml").read_text("utf-8"))
    named = preset["knowledge"]["conceptual"]
    params = GraphParams.model_validate(preset["graph"])
    source = shared_data / "fb15k237"
    graph = import_graph(params, source, tmp_path / "graph", tmp_path / "graph.json").graph
    concepts = Concepts(graph, named, "fb15k237")
    labels = dict(zip(graph.relations, graph.relation_labels, strict=True))
    assert set(named) <= set(labels)
    said = [triple for entity in range(len(graph.entities)) for triple in concepts.of(entity)]
    counts = Counter(graph.relations[relation] for relation in graph.triples[:, 1].tolist())
    assert len(said) == sum(counts[name] for name in named)  # an end in common catches nothing
    assert len(said) > 4000
    assert {triple["relation"] for triple in said} == {labels[name] for name in named}
    objects = {}
    for triple in said:
        objects.setdefault(triple["subject"], set()).add(triple["object"])
    assert "Comedian" in objects["Tony Randall"]
    assert "American football" in objects["New England Patriots"]
    assert not any("Official Website" in found for found in objects.values())
    with pytest.raises(PipelineError, match="2675 x /film/film/release_date_s"):
        Concepts(graph, ["isA", "type", "P31"], "fb15k237")
