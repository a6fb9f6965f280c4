"""Lines parsed by pyoxigraph: many at a time; if it finds a fault, line by line.

So each broken line is known by its number and costs no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyoxigraph as ox

from pipeline.knowledge.graph.faults import Faults
from pipeline.knowledge.graph.plain_lines import Lines
from pipeline.knowledge.graph.statements import Vocabulary

PARSED = 8192  # lines parsed at a time
ANY = ""  # the language of a literal without one


class ParsedLines:
    """What lines say that were parsed.

    Attributes:
        links: subject, relation and object of each link, one after the other.
        link_lines: of each link, its line.
        named, texts, labels, text_lines: of each literal that names an entity: this, the text,
            whether it may be the label, and the line.
        count: of all statements.
        aside: of literals of relations that name nothing.
    """

    def __init__(self, vocabulary: Vocabulary, scope: str) -> None:
        self.links: list[str] = []
        self.link_lines: list[int] = []
        self.named: list[str] = []
        self.texts: list[str] = []
        self.labels: list[bool] = []
        self.text_lines: list[int] = []
        self.count = self.aside = 0
        self._naming = dict.fromkeys(vocabulary.aliases, False) | dict.fromkeys(
            vocabulary.labels, True
        )
        self._languages = {*vocabulary.languages, ANY} if vocabulary.languages else set()
        self._scope = scope

    def parse(
        self, lines: Lines, chosen: np.ndarray, path: Path, first: int, faults: Faults
    ) -> None:
        """Parse some lines (n,) of a block that begins at line `first` of the file."""
        for start in range(0, len(chosen), PARSED):
            for at, wrong in self._take(_quads(lines, chosen[start : start + PARSED])):
                faults.add(path, first + at, wrong)

    def _take(self, quads: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, str]]:
        """Take statements in; yield what is wrong, by line. One loop: calls take their time."""
        naming, languages = self._naming, self._languages
        for line, quad in quads:
            if type(quad) is str:
                yield line, quad
                continue
            subject, relation, target, _ = quad
            relation = relation.value
            kind = type(target)
            if kind is ox.Triple:
                yield line, "its object is a triple, which is no entity"
                continue
            self.count += 1
            if kind is not ox.Literal:
                self.links += (self._name(subject), relation, self._name(target))
                self.link_lines.append(line)
            elif relation not in naming:
                self.aside += 1
            elif not languages or (target.language or ANY) in languages:
                self.named.append(self._name(subject))
                self.texts.append(target.value)
                self.labels.append(naming[relation])
                self.text_lines.append(line)

    def _name(self, node: Any) -> str:
        name: str = node.value
        return name if type(node) is ox.NamedNode else f"_:{self._scope}{name}"


def _quads(lines: Lines, chosen: np.ndarray) -> Iterable[tuple[int, Any]]:
    """(line, statement, or what is wrong with the line) of some lines (n,), in their order."""
    text = lines.text(chosen)
    numbers = chosen.tolist()
    # A statement has a line of its own, but the parser also ends lines at a lone carriage return.
    if text.count(b"\r") == text.count(b"\r\n"):
        try:
            quads = list(parse(text))
        except SyntaxError:
            quads = []
        if len(quads) == len(numbers):
            return zip(numbers, quads, strict=True)
    found: list[tuple[int, Any]] = []
    for at in numbers:
        try:
            for quad in parse(lines.line(at)):  # a statement before the fault is one
                found.append((at, quad))
        except SyntaxError as error:
            # The parser's own words, less its place, which is that of one line out of its file.
            found.append((at, str(error.msg).partition(": ")[2] or str(error.msg)))
    return found


def parse(content: bytes) -> Any:
    """The statements of some lines, as pyoxigraph's parser finds them.

    Raises:
        SyntaxError: while they are taken, at the first fault.
    """
    return ox.parse(content, format=ox.RdfFormat.N_TRIPLES)
