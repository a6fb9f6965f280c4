"""From statements to a graph: names become numbers as they come, labels go with their entities.

What is held is what the tables will hold: each name once, three numbers a triple, and the labels.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

import numpy as np

from pipeline.knowledge.graph import Entity, Graph, build_graph, local_name
from pipeline.knowledge.ntriples import Triple


@dataclass(frozen=True)
class Vocabulary:
    """Which relations name entities, by IRI, and in which languages.

    Attributes:
        labels: an entity's first literal of such a relation is its label, others are aliases.
        aliases: other names.
        redirects: the subject is another name of the object.
        languages: of labels and aliases; literals without a language always count, and all do
            where this is empty.
    """

    labels: Collection[str]
    aliases: Collection[str]
    redirects: Collection[str]
    languages: Collection[str]


@dataclass
class Collector:
    """The statements of a graph so far.

    Attributes:
        statements: how many there were.
        literals: how many of them were literals that name nothing; these are not kept.
    """

    statements: int = 0
    literals: int = 0
    _entities: dict[str, int] = field(default_factory=dict)
    _relations: dict[str, int] = field(default_factory=dict)
    _triples: array[int] = field(default_factory=lambda: array("i"))
    _redirects: dict[int, int] = field(default_factory=dict)
    _labels: dict[int, str] = field(default_factory=dict)
    _aliases: dict[int, list[str]] = field(default_factory=dict)

    def add_all(self, triples: Iterable[Triple], vocabulary: Vocabulary) -> None:
        """Take statements in."""
        labels, redirects = frozenset(vocabulary.labels), frozenset(vocabulary.redirects)
        naming = labels | frozenset(vocabulary.aliases)
        languages = frozenset(vocabulary.languages)
        entities, relations, append = self._entities, self._relations, self._triples.extend
        count = 0
        for name, relation, target, literal, language in triples:
            count += 1
            if target is not None:
                subject = entities.setdefault(name, len(entities))
                number = entities.setdefault(target, len(entities))
                if relation in redirects:
                    self._redirects[subject] = number
                else:
                    append((subject, relations.setdefault(relation, len(relations)), number))
            elif relation not in naming:
                self.literals += 1
            elif not language or not languages or language in languages:
                self.name(name, literal, is_label=relation in labels)
        self.statements += count

    def name(self, entity: str, text: str, *, is_label: bool) -> None:
        """Give an entity a label (of several, the first is kept as such) or another name."""
        text = text.strip()
        number = self._entities.setdefault(entity, len(self._entities))
        if not text:
            return
        if is_label and number not in self._labels:
            self._labels[number] = text
        else:
            self._aliases.setdefault(number, []).append(text)

    def graph(self, relation_labels: dict[str, str]) -> tuple[Graph, int, int]:
        """The graph of all statements; how many redirects it followed, and how many run in circles.

        A redirected name is no entity: its triples and names are those of what it leads to.
        """
        targets, circles = _resolve(self._redirects)
        names = list(self._entities)
        for number, target in targets.items():
            own = self._labels.pop(number, None) or local_name(names[number])
            aliases = [own, *self._aliases.pop(number, [])]
            self._aliases.setdefault(target, []).extend(aliases)
        kept = [number for number in range(len(names)) if number not in targets]
        kept.sort(key=names.__getitem__)
        final = np.full(len(names), -1, np.int32)
        final[kept] = np.arange(len(kept), dtype=np.int32)
        for number, target in targets.items():
            final[number] = final[target]
        relations = sorted(self._relations)
        order = np.empty(len(relations), np.int32)
        order[[self._relations[relation] for relation in relations]] = np.arange(len(relations))
        triples = np.frombuffer(self._triples, np.int32).reshape(-1, 3)  # (t, 3), no copy
        numbers = np.empty_like(triples)
        numbers[:, 0], numbers[:, 2] = final[triples[:, 0]], final[triples[:, 2]]
        numbers[:, 1] = order[triples[:, 1]] if len(relations) else 0
        entities = [
            Entity(
                names[n], self._labels.get(n), _others(self._labels.get(n), self._aliases.get(n))
            )
            for n in kept
        ]
        labels = [relation_labels.get(relation) or local_name(relation) for relation in relations]
        return build_graph(entities, relations, labels, numbers), len(targets), circles


def _others(label: str | None, aliases: list[str] | None) -> tuple[str, ...]:
    """Distinct names beside the label, in order; the first alias of an unlabelled one included."""
    return tuple(name for name in dict.fromkeys(aliases or ()) if name != label)


def _resolve(redirects: dict[int, int]) -> tuple[dict[int, int], int]:
    """Each redirected number to where it leads in the end; and how many lead into a circle."""
    final: dict[int, int] = {}
    circles = 0
    for start in redirects:
        at, seen = start, {start}
        while at in redirects and redirects[at] not in seen:
            at = redirects[at]
            seen.add(at)
        if at in redirects:  # came upon itself: such names stay entities of their own
            circles += 1
        else:
            final[start] = at
    return final, circles
