"""Reading N-Triples as a stream: plain, gzip or bzip2, with broken lines told, not fatal.

pyoxigraph parses. It gets a block of whole lines at a time; a block in which it finds a fault is
given to it again line by line, so that each broken line is known by its number and costs no other.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyoxigraph as ox

from pipeline.errors import PipelineError
from pipeline.knowledge.faults import Faults
from pipeline.knowledge.lines import blocks

BLOCK = 1 << 20  # bytes of lines parsed at a time


# A statement: subject, relation, object, literal, its language. Names are IRIs, or `_:` and a label
# for a blank node; the object is None where it is a literal, whose language is in lower case. The
# last two are "" where there is none. (A plain tuple: a class of its own takes its time.)
Triple = tuple[str, str, str | None, str, str]


def read_ntriples(path: Path, faults: Faults, scope: str = "") -> Iterator[Triple]:
    """Stream the triples of a file, counting lines that are none in `faults`.

    Args:
        path: the file.
        faults: where broken lines are told.
        scope: begins the labels of blank nodes, which mean something within their file only.

    Raises:
        PipelineError: if the file is missing, its compression is damaged, or its first block of
            lines has no triple but broken lines: then it is something else.
    """
    for number, lines in blocks(path, BLOCK):
        done = 0
        try:
            for quad in _parse(b"".join(lines)):
                yield _triple(quad, scope)
                done += 1
        except SyntaxError:
            quads = _line_by_line(path, number, lines, faults)
            if number == 1 and not quads:
                raise PipelineError(
                    f"{path}: no N-Triples: none of its first {len(lines)} lines is a triple,"
                    f" {faults.count} are broken:\n{faults}"
                ) from None
            yield from (_triple(quad, scope) for quad in quads[done:])


def _triple(quad: Any, scope: str) -> Triple:
    subject, relation, target, _ = quad
    name = subject.value if type(subject) is ox.NamedNode else _name(subject, scope)
    kind = type(target)
    if kind is ox.NamedNode:
        return name, relation.value, target.value, "", ""
    if kind is ox.Literal:
        return name, relation.value, None, target.value, target.language or ""
    return name, relation.value, _name(target, scope), "", ""


def _parse(content: bytes) -> Iterator[Any]:
    return ox.parse(content, format=ox.RdfFormat.N_TRIPLES)


def _line_by_line(path: Path, number: int, lines: list[bytes], faults: Faults) -> list[Any]:
    found: list[Any] = []
    for at, line in enumerate(lines, number):
        try:
            found += _parse(line)
        except SyntaxError as error:
            # The parser's own words, less its place, which is that of one line out of its file.
            faults.add(path, at, str(error.msg).partition(": ")[2] or str(error.msg))
    return found


def _name(node: Any, scope: str) -> str:
    return f"_:{scope}{node.value}"
