"""Reading N-Triples as a stream: plain, gzip or bzip2, with broken lines told, not fatal.

pyoxigraph says what is a triple. Lines of three IRIs, or of two and a literal without escapes, are
cut in columns, and pyoxigraph is asked for each IRI when it is new, and for what ends the literals.
It parses all other lines.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyoxigraph as ox

from pipeline.errors import PipelineError
from pipeline.knowledge.graph.faults import Faults
from pipeline.knowledge.graph.lines import blocks
from pipeline.knowledge.graph.names import Names
from pipeline.knowledge.graph.parsed_lines import ParsedLines, parse
from pipeline.knowledge.graph.plain_lines import Heads, find_lines
from pipeline.knowledge.graph.statements import (
    Statements,
    Texts,
    Vocabulary,
    join_texts,
    name_all,
    stripped,
)

# Bytes of lines in the first block; growing, in later ones; and with many names at most.
FIRST, BLOCK, LARGEST = 1 << 20, 1 << 25, 1 << 30


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
        heads = Heads(lines)
        link_lines, links = _links(heads, names)
        literals = _literals(heads, names, vocabulary)
        known = faults.count
        others = ParsedLines(vocabulary, scope)
        rest = _rest(len(lines), link_lines, literals.lines)
        others.parse(lines, rest, path, number, faults)
        count = len(link_lines) + len(literals.lines) + others.count
        if number == 1 and not count and faults.count > known:
            raise PipelineError(
                f"{path}: no N-Triples: none of its first {len(lines)} lines is a triple,"
                f" {faults.count} are broken:\n{faults}"
            )
        if others.link_lines:
            links = np.concatenate([links, names.encode(others.links).reshape(-1, 3)])
            links = links[_order(link_lines, others.link_lines)]
        texts = literals.texts
        if others.text_lines:
            more = name_all(others.named, others.texts, others.labels, names)
            texts = join_texts([texts, more]).take(_order(literals.text_lines, others.text_lines))
        yield Statements(links, texts, count, literals.aside + others.aside)


def _sizes(names: Names, block: int) -> Iterator[int]:
    size = min(FIRST, block)
    while True:
        yield size
        size = max(min(2 * size, block), min(names.nbytes, LARGEST))


def _links(heads: Heads, names: Names) -> tuple[np.ndarray, np.ndarray]:
    """The lines (n,) that are three IRIs, and the numbers (n, 3) int32 of these."""
    at, parts = heads.links()
    links = _numbers(parts, names).reshape(-1, 3)
    good = (links >= 0).all(axis=1)
    return at[good], links[good]


@dataclass(frozen=True)
class _Literals:
    """Literals by columns.

    Attributes:
        lines: (n,) that are two IRIs and a literal without escapes.
        text_lines: (m,) those of them whose literal names an entity.
        texts: (m,) these literals.
        aside: how many of the lines have a relation that names nothing.
    """

    lines: np.ndarray
    text_lines: np.ndarray
    texts: Texts
    aside: int


def _literals(heads: Heads, names: Names, vocabulary: Vocabulary) -> _Literals:
    cut = heads.literals()
    numbers = _numbers(cut.names, names).reshape(-1, 2)
    languages = [_language(end) for end in cut.ends.dictionary.to_pylist()]
    wanted = {"", *vocabulary.languages} if vocabulary.languages else {*languages}
    ends = np.asarray(cut.ends.indices)
    good = (numbers >= 0).all(axis=1)
    good &= np.array([language is not None for language in languages], bool)[ends]
    try:
        texts = cut.texts.cast(pa.string())
    except pa.ArrowInvalid:  # some are not UTF-8: the parser tells which
        good[:] = False
        texts = cut.texts
    labels = _among(numbers[:, 1], vocabulary.labels, names)
    naming = labels | _among(numbers[:, 1], vocabulary.aliases, names)
    spoken = np.array([language in wanted for language in languages], bool)[ends]
    rows = np.flatnonzero(good & naming & spoken)
    said = stripped(texts.take(pa.array(rows)).to_pylist())
    return _Literals(
        cut.at[good],
        cut.at[rows],
        Texts(numbers[rows, 0], said, labels[rows]),
        int(np.count_nonzero(good & ~naming)),
    )


def _among(numbers: np.ndarray, wanted: Collection[str], names: Names) -> np.ndarray:
    """(n,) bool which numbers are of wanted names."""
    distinct = np.flatnonzero(np.bincount(numbers[numbers >= 0]))  # quicker than np.unique
    texts = names.texts.take(pa.array(distinct)).to_pylist()
    chosen = [number for number, text in zip(distinct, texts, strict=True) if text in wanted]
    return np.isin(numbers, chosen)


def _language(end: bytes) -> str | None:
    """The language of a literal that ends so, "" without one; None if none can end so."""
    try:
        literals = [quad.object for quad in parse(b'<a:a> <a:a> ""' + end + b" .")]
    except SyntaxError:
        return None
    return (literals[0].language or "") if len(literals) == 1 else None


def _numbers(parts: pa.DictionaryArray, names: Names) -> np.ndarray:
    """(n,) int32 the numbers of IRIs, new ones taken in; -1 for what is none."""
    distinct = parts.dictionary
    numbers = names.find(distinct)
    new = np.flatnonzero(numbers < 0)
    good = new[_are_iris(distinct.take(pa.array(new)))]
    numbers[good] = names.extend(distinct.take(pa.array(good)))
    each: np.ndarray = numbers[np.asarray(parts.indices)]
    return each


def _order(*lines: Sequence[int] | np.ndarray) -> np.ndarray:
    """The order of statements by their lines, given in parts that are each in order."""
    return np.argsort(np.concatenate(lines), kind="stable")


def _rest(count: int, *chosen: np.ndarray) -> np.ndarray:
    """The numbers below `count` that are not chosen."""
    rest = np.ones(count, bool)
    for some in chosen:
        rest[some] = False
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
