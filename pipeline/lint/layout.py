"""Bring a file of posts to the one layout that `prepare` reads, and name what differed.

A line is changed only where nobody could mean something else by it; any other line stays as it is,
and the reader (`pipeline.corpus.conll`) then says what is wrong with it.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.corpus.bio import OUTSIDE
from pipeline.corpus.conll import HEADER, SEPARATOR, Fault
from pipeline.lint.spans import MARK, SUFFIX, is_json, lines_of_json

KINDS = {  # a name -> what such lines are
    "encoding": "UTF-16, where UTF-8 is read",
    "mark": "lines that begin with a byte order mark",
    "ends": "lines that end in a carriage return",
    "json": "posts as JSON lines",
    "separator": f"{SEPARATOR} lines between documents",
    "comment": "comments",
    "header": "IMGID lines spelled otherwise, with a label, or apart from their posts",
    "suffix": "ids that end like a file of an image",
    "blank": "lines of white space alone",
    "blanks": "blanks where a tab belongs",
    "columns": "other columns than token and label",
    "label": "labels in small letters, with white space, or 0 for O",
}
# E, S, L, U and M are the further prefixes of BIOES, BILOU and BMES.
LABEL = re.compile(r"O|[BIESLUM]-\S+")
_HEADER = re.compile(r"imgid\s*:\s*([^\t]*?)\s*(?:\tO?\s*)?", re.IGNORECASE)


@dataclass(frozen=True)
class Change:
    """A line, counted from 1, whose layout differs."""

    kind: str  # one of `KINDS`
    line: int


@dataclass
class Layout:
    """A file of posts as found, and in the layout that `prepare` reads.

    Attributes:
        found: the lines as they stand, without the newline.
        lines: the number of a line as found, and what it becomes; it may be several lines or none.
        changes: what differed, in the order of the lines.
        newline: whether the last line ends in one.
    """

    found: list[str]
    lines: list[tuple[int, str | Fault]]
    changes: list[Change]
    newline: bool


def read_layout(path: Path) -> Layout:
    """Read a file of posts in whatever layout.

    Raises:
        OSError: if the file cannot be read.
    """
    content = path.read_bytes()
    changes: list[Change] = []
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = content.decode("utf-16", "replace")
        changes.append(Change("encoding", 1))
    else:
        text = content.decode("utf-8", "surrogateescape")
    end = "\n" if "\n" in text else "\r"
    if end == "\r" and end in text:
        changes.append(Change("ends", 1))
    found = text.split(end)
    newline = found[-1] == ""
    layout = Layout(found[:-1] if newline else found, [], changes, newline)
    if is_json(path, layout.found):
        changes.append(Change("json", 1))
        layout.lines += lines_of_json(path, layout.found)
    else:
        layout.lines += _lines(path, layout)
    return layout


def _lines(path: Path, layout: Layout) -> Iterator[tuple[int, str | Fault]]:
    """Each line as it becomes; `layout.changes` gets what differed."""
    before = ""  # the last line as it became
    for number, raw in enumerate(layout.found, 1):
        line = raw.rstrip("\r")
        kinds = ["ends"] * (line != raw)
        if line.startswith(MARK) and not before:  # within a post it belongs to a token
            line = line.lstrip(MARK)
            kinds.append("mark")
        if not _is_text(line):
            yield number, Fault(path, number, "is not UTF-8; save the file as UTF-8")
            before = line
            continue
        became, kind = _became(line, before)
        kinds += [kind] if kind else []
        layout.changes += [Change(kind, number) for kind in kinds]
        if became is not None:
            yield number, became
            before = became


def _is_text(line: str) -> bool:
    try:
        line.encode()
    except UnicodeEncodeError:
        return False
    return True


def _became(line: str, before: str) -> tuple[str | None, str | None]:
    """What a line becomes (None: nothing), and what differed, if anything."""
    token, tab, label = line.partition("\t")
    if line.startswith(SEPARATOR):
        return None, "separator"
    if tab and token and LABEL.fullmatch(label) and not _begins(line, before):
        return line, None
    if not line.strip():
        if before.startswith(HEADER) and "\t" not in before:
            return None, "header"  # its post comes after this line
        return "", "blank" if line else None
    header = _HEADER.fullmatch(line) if not tab or _begins(line, before) else None
    if header:
        image = SUFFIX.sub("", header[1])
        kind = "suffix" if image != header[1] else "header"
        became = f"{HEADER}{image}"
        return became, None if became == line else kind
    # at blanks alone: a no-break space or another odd one may be a part of a token
    fields = line.rstrip("\t").split("\t") if tab else re.findall("[^ ]+", line)
    labels = [named for named in map(_label, fields[1:]) if named]
    if not tab and line.startswith("# ") and not labels:
        return None, "comment"
    if not labels or not fields[0]:
        return line, None
    kind = "label" if tab and len(line.split("\t")) == 2 else "columns"
    return f"{fields[0]}\t{labels[-1]}", kind if tab or len(fields) > 2 else "blanks"


def _begins(line: str, before: str) -> bool:
    """Whether a line like an IMGID line stands where a post begins; elsewhere it is a token."""
    return not before and line[: len(HEADER)].upper() == HEADER


def _label(field: str) -> str | None:
    """The label that is meant, if one is."""
    label = field.strip()
    if label == "0":
        return OUTSIDE
    if LABEL.fullmatch(label):
        return label
    return label.upper() if LABEL.fullmatch(label.upper()) else None
