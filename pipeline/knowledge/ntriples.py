"""Reading N-Triples as a stream: plain, gzip or bzip2, with broken lines told, not fatal.

pyoxigraph says what is a triple. Lines of three IRIs are cut in columns, and pyoxigraph is asked
for each IRI when it is new. It parses all other lines, many at a time; if it finds a fault, line by
line, so that each broken line is known by its number and costs no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyoxigraph as ox

from pipeline.errors import PipelineError
from pipeline.knowledge.faults import Faults
from pipeline.knowledge.lines import blocks
from pipeline.knowledge.names import Names
from pipeline.knowledge.plain_lines import Lines, cut_plain, find_lines
from pipeline.knowledge.statements import Statements, Vocabulary, name_all

FIRST, BLOCK = 1 << 20, 1 << 25  # bytes of lines in the first block and, growing, in later ones
PARSED = 8192  # lines parsed at a time
ANY = ""  # the language of a literal without one


def read_ntriples(
    path: Path,
    names: Names,
    vocabulary: Vocabulary,
    faults: Faults,
    scope: str = "",
    *,
    block: int = BLOCK,
) -> Iterator[Statements]:
    """Stream the statements of a file, counting lines that are none in `faults`.

    Links and texts come in the order of the file.

    Args:
        path: the file.
        names: of this file alone, at first none; filled with IRIs, and with `_:` and a label for
            each blank node.
        vocabulary: which literals name an entity.
        faults: where broken lines are told.
        scope: begins the labels of blank nodes, which mean something within their file only.
        block: about how many bytes of lines are taken at a time; more once the names take more,
            as their hash table is built for each block.

    Raises:
        PipelineError: if the file is missing, its compression is damaged, or its first block of
            lines has no triple but broken lines: then it is something else.
    """
    for number, content in blocks(path, _sizes(names, block)):
        lines = find_lines(content)
        plain, links = _plain_links(lines, names)
        known = faults.count
        others = _Others(vocabulary, scope)
        others.parse(lines, _rest(len(lines), plain), path, number, faults)
        count = len(plain) + others.count
        if number == 1 and not count and faults.count > known:
            raise PipelineError(
                f"{path}: no N-Triples: none of its first {len(lines)} lines is a triple,"
                f" {faults.count} are broken:\n{faults}"
            )
        if others.lines:
            links = np.concatenate([links, names.encode(others.links).reshape(-1, 3)])
            links = links[np.argsort(np.concatenate([plain, others.lines]), kind="stable")]
        texts = name_all(others.named, others.texts, others.labels, names)
        yield Statements(links, texts, count, others.aside)


def _sizes(names: Names, block: int) -> Iterator[int]:
    size = min(FIRST, block)
    while True:
        yield size
        size = max(min(2 * size, block), names.nbytes)


def _plain_links(lines: Lines, names: Names) -> tuple[np.ndarray, np.ndarray]:
    """The plain lines (n,) whose IRIs are such, and the numbers (n, 3) int32 of these."""
    plain, parts = cut_plain(lines)
    distinct = parts.dictionary
    numbers = names.find(distinct)
    new = np.flatnonzero(numbers < 0)
    good = new[_are_iris(distinct.take(pa.array(new)))]
    numbers[good] = names.extend(distinct.take(pa.array(good)))
    links = numbers[np.asarray(parts.indices)].reshape(-1, 3)
    if len(good) == len(new):
        return plain, links
    kept = (links >= 0).all(axis=1)
    return plain[kept], links[kept]


def _rest(count: int, chosen: np.ndarray) -> np.ndarray:
    """The numbers below `count` that are not chosen."""
    rest = np.ones(count, bool)
    rest[chosen] = False
    return np.flatnonzero(rest)


def _are_iris(names: pa.BinaryArray) -> np.ndarray:
    """(n,) bool which names pyoxigraph takes for IRIs."""
    good = np.ones(len(names), bool)
    for at, name in enumerate(names.to_pylist()):
        try:
            ox.NamedNode(name.decode())
        except ValueError:  # not UTF-8, or no IRI
            good[at] = False
    return good


class _Others:
    """What lines say that were parsed.

    Attributes:
        links: subject, relation and object of each link, one after the other.
        lines: of each link.
        named, texts, labels: of each literal that names an entity: this, the text, and whether it
            may be the label.
        count: of all statements.
        aside: of literals of relations that name nothing.
    """

    def __init__(self, vocabulary: Vocabulary, scope: str) -> None:
        self.links: list[str] = []
        self.lines: list[int] = []
        self.named: list[str] = []
        self.texts: list[str] = []
        self.labels: list[bool] = []
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
                self.lines.append(line)
            elif relation not in naming:
                self.aside += 1
            elif not languages or (target.language or ANY) in languages:
                self.named.append(self._name(subject))
                self.texts.append(target.value)
                self.labels.append(naming[relation])

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
            quads = list(_parse(text))
        except SyntaxError:
            quads = []
        if len(quads) == len(numbers):
            return zip(numbers, quads, strict=True)
    found: list[tuple[int, Any]] = []
    for at in numbers:
        try:
            for quad in _parse(lines.line(at)):  # a statement before the fault is one
                found.append((at, quad))
        except SyntaxError as error:
            # The parser's own words, less its place, which is that of one line out of its file.
            found.append((at, str(error.msg).partition(": ")[2] or str(error.msg)))
    return found


def _parse(content: bytes) -> Any:
    return ox.parse(content, format=ox.RdfFormat.N_TRIPLES)
