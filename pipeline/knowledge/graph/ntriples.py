"""Reading N-Triples as a stream, plain, gzip or bzip2; broken lines are told, and not fatal.

pyoxigraph parses many lines at a time; if it finds a fault among them, it parses them again line by
line. So each broken line is known by its number and costs no other.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyoxigraph as ox

from pipeline.errors import PipelineError
from pipeline.knowledge.graph.faults import Faults
from pipeline.knowledge.graph.lines import blocks
from pipeline.knowledge.graph.names import Names
from pipeline.knowledge.graph.statements import Statements, Texts, stripped
from pipeline.params.graph import Graph as GraphParams

# Bytes of lines in the first block, in a later one, and in the largest: blocks grow with the names.
FIRST, BLOCK, LARGEST = 1 << 20, 1 << 25, 1 << 27
PARSED = 8192  # so many lines are parsed at a time
ANY = ""  # stands for the language of a literal without one


def read_ntriples(
    path: Path,
    names: Names,
    params: GraphParams,
    faults: Faults,
    scope: str = "",
    *,
    block: int = BLOCK,
) -> Iterator[Statements]:
    """Stream the statements of a file; `faults` is told each line that is not a statement.

    Links and texts come in the order of the file.

    Args:
        path: the file.
        names: the names of this file alone, at first none; filled with IRIs, and with `_:` and a
            label for each blank node.
        params: the relations that name entities, and the languages of names.
        faults: is told each broken line, and counts them.
        scope: begins the labels of blank nodes, which mean something within their file only.
        block: about how many bytes of lines are taken at a time; more once the names take more,
            as their hash table is built for each block.

    Raises:
        PipelineError: if the file is missing, its compression is damaged, or its first block of
            lines has no triple but broken lines: then it is something else.
    """
    for number, content in blocks(path, _sizes(names, block)):
        known, found = faults.count, _Block(params, scope)
        for line, wrong in found.take(_quads(content)):
            faults.add(path, number + line, wrong)
        if number == 1 and not found.count and faults.count > known:
            lines = content.count(b"\n") + (not content.endswith(b"\n"))
            raise PipelineError(
                f"{path}: no N-Triples: none of its first {lines} lines is a triple,"
                f" {faults.count} are broken:\n{faults}"
            )
        yield found.statements(names)


def _sizes(names: Names, block: int) -> Iterator[int]:
    size = min(FIRST, block)
    while True:
        yield size
        size = max(min(2 * size, block), min(names.nbytes, LARGEST))


class _Block:
    """The statements of some lines, with names numbered for these lines alone."""

    def __init__(self, params: GraphParams, scope: str) -> None:
        self.count = self._aside = 0
        self._numbers: dict[str, int] = {}
        self._links: list[int] = []  # subject, relation and object of each, one after the other
        self._owners: list[int] = []  # the entities that the texts name
        self._texts: list[str] = []
        self._labels: list[bool] = []  # whether each text may be the label
        self._naming = dict.fromkeys(params.aliases, False) | dict.fromkeys(params.labels, True)
        self._languages = {*params.languages, ANY} if params.languages else set()
        self._scope = scope

    def take(self, quads: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, str]]:
        """Take statements in; yield the place and the fault of each broken line."""
        naming, languages, links = self._naming, self._languages, self._links
        for line, quad in quads:  # one loop: a call for each statement would take longer than it
            if type(quad) is str:
                yield line, quad
                continue
            subject, predicate, target, _ = quad
            relation = predicate.value
            kind = type(target)
            if kind is ox.Triple:
                yield line, "its object is a triple, which is no entity"
                continue
            self.count += 1
            if kind is not ox.Literal:
                links += (self._of(subject), self._number(relation), self._of(target))
            elif relation not in naming:
                self._aside += 1
            elif not languages or (target.language or ANY) in languages:
                self._owners.append(self._of(subject))
                self._texts.append(target.value)
                self._labels.append(naming[relation])

    def statements(self, names: Names) -> Statements:
        """The statements taken in, with their names numbered by `names`."""
        numbers = names.encode(list(self._numbers))
        owners, links = (np.array(some, np.int64) for some in (self._owners, self._links))
        texts = Texts(numbers[owners], stripped(self._texts), np.array(self._labels, bool))
        return Statements(numbers[links].reshape(-1, 3), texts, self.count, self._aside)

    def _of(self, node: Any) -> int:
        name: str = node.value
        return self._number(name if type(node) is ox.NamedNode else f"_:{self._scope}{name}")

    def _number(self, name: str) -> int:
        return self._numbers.setdefault(name, len(self._numbers))


def _quads(content: bytes) -> Iterator[tuple[int, Any]]:
    """(place, statement or fault) for the lines of a block, whose places count from 0."""
    file, start = io.BytesIO(content), 0
    while lines := list(islice(file, PARSED)):
        yield from _parsed(lines, start)
        start += len(lines)


def _parsed(lines: Sequence[bytes], start: int) -> Iterable[tuple[int, Any]]:
    text = b"".join(lines)
    # A statement has a line of its own, but the parser also ends lines at a lone carriage return.
    if text.count(b"\r") == text.count(b"\r\n"):
        try:
            quads = list(_parse(text))
        except SyntaxError:
            quads = []
        if len(quads) == len(lines):
            return enumerate(quads, start)
    found: list[tuple[int, Any]] = []
    for at, line in enumerate(lines, start):
        try:
            for quad in _parse(line):  # a statement before the fault is one
                found.append((at, quad))
        except SyntaxError as error:
            # The parser's own words without its place, which counts from this line.
            found.append((at, str(error.msg).partition(": ")[2] or str(error.msg)))
    return found


def _parse(text: bytes) -> Any:
    return ox.parse(text, format=ox.RdfFormat.N_TRIPLES)
