"""Collecting statements into a graph: names of all files first, then entities in their order.

The memory holds no more than the tables will: each name once, three numbers a triple, and labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.knowledge.graph.entities import Entities, local_name
from pipeline.knowledge.graph.graph import Graph, build_graph
from pipeline.knowledge.graph.names import Names
from pipeline.knowledge.graph.naming import labels_and_aliases, resolve
from pipeline.knowledge.graph.statements import Statements, Texts, join_texts
from pipeline.params.graph import Graph as GraphParams


class Collector:
    """The statements of a graph so far.

    Attributes:
        statements: how many there were.
        literals: how many of them were literals that name nothing; these are not kept.
    """

    def __init__(self, params: GraphParams) -> None:
        self.statements = self.literals = 0
        self._redirects = sorted(params.redirects)
        self._names = Names()
        self._links: list[np.ndarray] = []  # (n, 3) each
        self._texts: list[Texts] = []

    def add(self, statements: Iterable[Statements], names: Names) -> None:
        """Take in the statements of a file, in their order; `names` are the file's own."""
        links: list[np.ndarray] = []
        texts: list[Texts] = []
        for some in statements:
            self.statements += some.count
            self.literals += some.aside
            links.append(some.links)
            texts.append(some.texts)
        numbers = self._names.encode(names.texts)
        self._links += [numbers[some] for some in links]
        self._texts += [replace(some, owners=numbers[some.owners]) for some in texts]

    def graph(self, relation_labels: Mapping[str, str]) -> tuple[Graph, int, int]:
        """The graph of all statements, the count of redirects followed, and of those in circles.

        A redirected name is no entity: its triples and names go to where it leads. The
        collector is empty afterwards.
        """
        names = self._names.texts
        entities, relations = np.zeros(len(names), bool), np.zeros(len(names), bool)
        for texts in self._texts:
            entities[texts.owners] = True
        redirects = self._take_redirects(entities)
        for links in self._links:
            entities[links[:, 0]] = entities[links[:, 2]] = relations[links[:, 1]] = True
        targets, circles = resolve(redirects)
        entities[list(targets)] = False
        kept, places = _sorted(names, entities)
        places[list(targets)] = places[list(targets.values())]
        used, relation_places = _sorted(names, relations)
        triples = self._take_triples(places, relation_places)
        columns = labels_and_aliases(self._take_texts(), targets, names, kept)
        relation_names = names.take(pa.array(used)).to_pylist()
        labels = [relation_labels.get(name) or local_name(name) for name in relation_names]
        found = Entities(names.take(pa.array(kept)), *columns)
        return build_graph(found, relation_names, labels, triples), len(targets), circles

    def _take_redirects(self, entities: np.ndarray) -> dict[int, int]:
        """Remove the redirects from the links; mark what they name in `entities` (n,) bool."""
        relations = self._names.find(pa.array(self._redirects, pa.binary()))
        redirects: dict[int, int] = {}
        for at, links in enumerate(self._links):
            redirecting = np.isin(links[:, 1], relations)
            if redirecting.any():
                subjects, _, objects = links[redirecting].T
                entities[subjects] = entities[objects] = True
                redirects.update(zip(subjects.tolist(), objects.tolist(), strict=True))
                self._links[at] = links[~redirecting]
        return redirects

    def _take_triples(self, places: np.ndarray, relation_places: np.ndarray) -> np.ndarray:
        """The links with final numbers, (t, 3) int32; each part is let go once it is copied."""
        triples = np.empty((sum(map(len, self._links)), 3), np.int32)
        end = len(triples)
        while self._links:
            links = self._links.pop()
            part = triples[end - len(links) : end]
            part[:, 0], part[:, 2] = places[links[:, 0]], places[links[:, 2]]
            part[:, 1] = relation_places[links[:, 1]]
            end -= len(links)
        return triples

    def _take_texts(self) -> Texts:
        """All texts that are not empty."""
        whole = join_texts(self._texts)
        self._texts = []
        said = pc.not_equal(whole.texts, "").to_numpy(zero_copy_only=False)
        return whole if said.all() else whole.take(np.flatnonzero(said))


def _sorted(names: pa.StringArray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The chosen (n,) bool numbers in the order of their names, and the place (n,) of each there.

    Arrow sorts by bytes of UTF-8, which is the order of code points.
    """
    numbers = np.flatnonzero(chosen)
    order = np.asarray(pc.sort_indices(names.take(pa.array(numbers))))
    places = np.full(len(names), -1, np.int32)
    places[numbers[order]] = np.arange(len(numbers), dtype=np.int32)
    return numbers[order], places
