"""Word vectors in text: GloVe's format, word2vec's text format and fastText's `.vec`.

A line is `word x1 … xd`. word2vec and fastText put a line `rows d` first and may end each line in
a space. Words may contain spaces (GloVe 840B has some), so that the numbers are the last d fields.

Lines of words that are not in use are counted, but their numbers are not parsed: so reading a large
file is as fast as finding its lines. A file that is cut short is refused all the same: its last
line must be whole and end in a newline, and it must have the number of rows that a header promises.
A byte order mark at the beginning and one empty line at the end are no part of the rows.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Collection, Iterable
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import numpy as np

from pipeline.text.vectors.files import Rows, opened, two_integers


def read_text(path: Path, width: int, wanted: Collection[str]) -> Rows:
    """Read the rows of the `wanted` words from a text file, plain or gzipped.

    Raises:
        PipelineError: naming the line, for a file of another width or one that is cut short, or a
            row in use that is no vector.
    """
    rows = Rows(path, width, wanted)
    beginnings = {word.partition(b" ")[0] for word in rows.wanted}
    with opened(rows, text=True) as file:
        promised, lines = _past_header(rows, file)
        first = 1 if promised is None else 2
        before = last = b""  # the last two lines
        for number, line in enumerate(lines, first):
            rows.count += 1
            beginning = line[: line.find(b" ")]
            if beginning in beginnings:
                word, vector = parse(rows, line, str(number))
                if word in rows.wanted:
                    rows.keep(word, vector, str(number))
            elif not beginning.isascii():
                rows.note_unused(beginning)
            before, last = last, line
    if rows.count > 1 and not last.strip(b"\r\n"):
        rows.count, last = rows.count - 1, before
    if promised is not None and rows.count != promised:
        rows.refuse(f"it promises {promised} rows, but {rows.count} are there", "1")
    place = str(first + rows.count - 1)
    if not last.endswith(b"\n"):
        rows.refuse(
            "the file ends without a newline, as if cut short; get it again,"
            " or end it with a newline if it is whole",
            place,
        )
    parse(rows, last, place)
    return rows


def _past_header(rows: Rows, file: BinaryIO) -> tuple[int | None, Iterable[bytes]]:
    """How many rows the header promises (None without one), and the lines of the rows.

    The width is checked against the header or else the numbers that end the first row.
    """
    line = file.readline().removeprefix(BOM_UTF8)
    if not line:
        rows.refuse("the file is empty", "")
    header = two_integers(line)
    if header:
        found = header[1]
    else:
        fields = line.rstrip(b" \r\n").split(b" ")[1:]
        numbers = [_is_number(field) for field in reversed(fields)]
        found = numbers.index(False) if False in numbers else len(numbers)
    if found != rows.width:
        hint = "" if found else "; is it word2vec's binary format, whose kind is `word2vec`?"
        if b"\t" in line:
            hint = "; it has a tab where a space belongs"
        rows.refuse(f"its vectors have width {found}, but params say {rows.width}{hint}", "1")
    return (header[0], file) if header else (None, chain([line], file))


def first_row(rows: Rows, file: BinaryIO) -> int:
    """The byte at which the first row begins in a file that stands at its beginning.

    Raises:
        PipelineError: for a file of another width than `rows`.
    """
    promised, _ = _past_header(rows, file)
    if promised is not None:
        return file.tell()
    file.seek(0)
    return len(BOM_UTF8) if file.read(len(BOM_UTF8)) == BOM_UTF8 else 0


def parse(rows: Rows, line: bytes, where: str) -> tuple[bytes, np.ndarray]:
    """The word of a line and its vector (width,); `where` stands in the message of a fault."""
    word, *numbers = line.rstrip(b" \r\n").rsplit(b" ", rows.width)
    if len(numbers) != rows.width:
        rows.refuse(
            f"{len(numbers)} numbers, but params say width {rows.width};"
            " the file is cut short or damaged",
            where,
        )
    try:
        with np.errstate(over="ignore"):  # to infinity, which is refused where it is kept
            return word, np.array([float(one) for one in numbers], dtype=np.float32)
    except ValueError:
        wrong = next(one for one in numbers if not _is_number(one))
        rows.refuse(f"{wrong.decode(errors='replace')!r} is not a number", where)


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True
