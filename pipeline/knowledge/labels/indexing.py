"""The stage `label_index`: an index of the names of a graph."""

from __future__ import annotations

from pathlib import Path

from pipeline.knowledge.graph.graph import Graph, read_graph
from pipeline.knowledge.labels.index import LabelIndex, build_index
from pipeline.knowledge.labels.index_tables import write_index
from pipeline.knowledge.labels.scorers import find_scorer, matcher


def index_labels(graph_folder: Path, folder: Path, scorer: str) -> str:
    """Index the names of a graph for a scorer of fuzzywuzzy; the report is for the terminal."""
    graph = read_graph(graph_folder)
    index = label_index(graph, scorer)
    write_index(index, folder)
    return (
        f"{len(index.forms)} different forms of {len(graph.names()[0])} names, for {scorer} of"
        f" fuzzywuzzy with {matcher()}"
    )


def label_index(graph: Graph, scorer: str) -> LabelIndex:
    """The index of a graph's names."""
    texts, owners = graph.names()
    return build_index(texts, owners, graph.degrees, find_scorer(scorer))
