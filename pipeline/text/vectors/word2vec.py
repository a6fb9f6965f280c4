"""Word vectors in word2vec's binary format.

A line `rows width`, then for each word its bytes, a space, and `width` little-endian float32. The
original tool puts a newline after each row, others none: the first row shows which it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from pipeline.text.vectors.files import BLOCK, HEADER_LIMIT, Rows, opened, two_integers

LONGEST_WORD = 1 << 16  # bytes; if so many hold no space, they are no words


def read_word2vec(path: Path, width: int, wanted: Collection[str]) -> Rows:
    """Read the rows of the `wanted` words from a binary file, plain or gzipped.

    Raises:
        PipelineError: naming the byte of the unpacked content, for a file of another width or one
            that is cut short.
    """
    rows = Rows(path, width, wanted)
    with opened(rows, text=False) as file:
        for word, start, vector in rows_of(rows, file):
            if word in rows.wanted:
                numbers = np.frombuffer(vector, "<f4").astype(np.float32)  # (width,)
                rows.keep(word, numbers, f" byte {start}")
            elif not word.isascii():
                rows.note_unused(word)
    return rows


def rows_of(rows: Rows, file: BinaryIO) -> Iterator[tuple[bytes, int, bytes]]:
    """Each word, the byte at which it begins, and the bytes of its vector; `rows` counts them.

    Raises:
        PipelineError: as `read_word2vec`.
    """
    width = rows.width
    header = file.readline(HEADER_LIMIT)
    integers = two_integers(header)
    if integers is None or not header.endswith(b"\n"):
        rows.refuse("no line `rows width`; if the file is text, its kind is `text`", "1")
    promised, found = integers
    if found != width:
        rows.refuse(f"its vectors have width {found}, but params say {width}", "1")
    window = _Window(rows, file, len(header))
    newlines = False
    for row in range(promised):
        start = window.at
        word, vector = window.row(width)
        rows.count += 1
        yield word, start, vector
        newlines = newlines if row else window.peek() == b"\n"
        if newlines:
            window.newline()
    if window.peek():
        more = f"there is more after the {promised} rows of width {width} that it promises"
        rows.refuse(f"{more}; get the file again", f" byte {window.at}")


def row_at(rows: Rows, file: BinaryIO, start: int) -> tuple[bytes, np.ndarray]:
    """The word that begins at byte `start`, and its vector (width,)."""
    file.seek(start)
    word, vector = _Window(rows, file, start).row(rows.width)
    return word, np.frombuffer(vector, "<f4").astype(np.float32)


class _Window:
    """A stretch of a binary file that moves forward; its front stands at byte `at`."""

    def __init__(self, rows: Rows, file: BinaryIO, at: int) -> None:
        self.at = at
        self._rows = rows
        self._file = file
        self._held = b""
        self._front = 0

    def row(self, width: int) -> tuple[bytes, bytes]:
        """The next word and the bytes of its vector."""
        while (space := self._held.find(b" ", self._front)) < 0:
            if len(self._held) - self._front > LONGEST_WORD:
                self._refuse("no word begins here; the file is damaged", self.at)
            self._more()
        length = space - self._front
        while len(self._held) < self._front + length + 1 + 4 * width:
            self._more()
        space = self._front + length
        end = space + 1 + 4 * width
        word, vector = self._held[self._front : space], self._held[space + 1 : end]
        self._step(end - self._front)
        return word, vector

    def peek(self) -> bytes:
        """The next byte, or none at the end."""
        if self._front == len(self._held):
            self._held, self._front = self._file.read(BLOCK), 0
        return self._held[self._front : self._front + 1]

    def newline(self) -> None:
        """Step over a newline, which must be there."""
        if self.peek() != b"\n":
            self._refuse("no newline after the row, though after others; get it again", self.at)
        self._step(1)

    def _more(self) -> None:
        more = self._file.read(BLOCK)
        self._held, self._front = self._held[self._front :] + more, 0
        if not more:
            end = self.at + len(self._held)
            self._refuse(f"the file ends inside row {self._rows.count + 1}; it is cut short", end)

    def _step(self, length: int) -> None:
        self._front += length
        self.at += length

    def _refuse(self, what: str, byte: int) -> None:
        self._rows.refuse(what, f" byte {byte}")
