"""What the graph says an entity is: its conceptual triples, and their words.

Source: Chen et al. 2021, sections 3.2 and 3.4. The found entity's conceptual knowledge, "such as
(Kobe Bryant, isA, basketball player)", is put behind the post's words.

The paper leaves open:

- Which relations are conceptual: of its graph, "part of Wikipedia", it names isA alone. Each
  graph's preset names its own (`knowledge.conceptual`).
- Which part of a triple is put behind the post. The printed example has all three. Ours is the
  object alone: the post's text often has the subject already, and the relation hardly differs from
  post to post. `subject_words` and `relation_words` add the others.
- The order of several triples: by relation and then by object, as the graph's tables have them.
- An entity as the object of a conceptual triple: nothing is said of it. Only triples that begin
  with the entity say what it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.errors import PipelineError
from pipeline.knowledge.graph.graph import Graph
from pipeline.params.knowledge import Knowledge

LISTED = 10  # an error names so many relations

Triple = Mapping[str, str]  # "subject", "relation" and "object", in words


class Concepts:
    """The conceptual triples of one graph."""

    def __init__(self, graph: Graph, names: Sequence[str], where: str) -> None:
        """`names`: relations, by whole names or by what follows the last `/` or `#`.

        Raises:
            PipelineError: if the graph, called `where`, has no such relation.
        """
        wanted = frozenset(names)
        self._graph = graph
        self._conceptual = np.array(
            [name in wanted or re.split(r"[/#]", name)[-1] in wanted for name in graph.relations],
            bool,
        )
        if not self._conceptual.any():
            raise PipelineError(
                f"{where}: has none of the relations {', '.join(names)}; set knowledge.conceptual"
                " to those that say what an entity is, in the graph's file of conf/graph. Its"
                f" {len(graph.relations)} relations, the most frequent first:\n{_frequent(graph)}"
            )

    def of(self, entity: int) -> list[Triple]:
        """What the graph says that an entity is."""
        graph = self._graph
        return [
            {
                "subject": graph.entities[subject].text,
                "relation": graph.relation_labels[relation],
                "object": graph.entities[target].text,
            }
            for subject, relation, target in graph.of_subject(entity).tolist()
            if self._conceptual[relation]
        ]


def words_of(triple: Triple, params: Knowledge) -> list[str]:
    """The words of a triple that are put behind a post, in the order of the triple."""
    relation = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", triple["relation"])  # isA -> is A
    parts = [
        triple["subject"] if params.subject_words else "",
        relation if params.relation_words else "",
        triple["object"],
    ]
    return [word for part in parts for word in part.split()]


def _frequent(graph: Graph) -> str:
    """A line for each of the relations with most triples."""
    counts = np.bincount(graph.triples[:, 1], minlength=len(graph.relations))
    best = np.argsort(-counts, kind="stable")[:LISTED].tolist()
    lines = [f"  {counts[relation]} x {graph.relations[relation]}" for relation in best]
    more = len(graph.relations) - len(best)
    return "\n".join(lines + [f"  and {more} more"] * (more > 0))
