"""The common part of the readers of word vectors: they keep only the rows in use of a file."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, cast

import numpy as np

from pipeline.errors import PipelineError

BLOCK = 1 << 20  # bytes read at a time
LONGEST = 1 << 20  # bytes of an unpacked line; a little gzip can hold one that fills the memory
HEADER_LIMIT = 64  # bytes; the two integers of a header and a newline are shorter


class Rows:
    """The vectors kept of one file: word -> (width,) float32; `wanted` are the words in use.

    A word that is there twice keeps its first vector, as in the original tools.
    """

    def __init__(self, path: Path, width: int, wanted: Collection[str]) -> None:
        self.path = path
        self.width = width
        self.wanted = {word.encode(): word for word in wanted}
        self.vectors: dict[str, np.ndarray] = {}
        self.count = 0  # rows of the file
        self.duplicates = 0  # further rows of words in use
        self.not_utf8 = 0  # rows whose words are no UTF-8, and so not in use

    def keep(self, word: bytes, vector: np.ndarray, where: str) -> None:
        """Keep the vector (width,) of a word in use, unless an earlier row has it."""
        name = self.wanted[word]
        if not np.isfinite(vector).all():
            self.refuse(f"the vector of {name!r} is not finite; get the file again", where)
        if name in self.vectors:
            self.duplicates += 1
        else:
            self.vectors[name] = vector

    def note_unused(self, word: bytes) -> None:
        """Count a word that cannot be in use because it is not UTF-8, as all posts are."""
        try:
            word.decode()
        except UnicodeDecodeError:
            self.not_utf8 += 1

    def refuse(self, what: str, where: str) -> NoReturn:
        """Raise a `PipelineError` that names the file and, unless empty, the place."""
        raise PipelineError(f"{self.path}{':' if where else ''}{where}: {what}")


class _Lines(io.RawIOBase):
    """Unpacked content, which is refused at a line that is longer than any vector."""

    def __init__(self, rows: Rows, unpacked: gzip.GzipFile) -> None:
        self._rows = rows
        self._unpacked = unpacked
        self._length = 0  # bytes since the last end of a line

    def readable(self) -> bool:
        """As all files that are read."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Read some bytes into a buffer."""
        read = self._unpacked.readinto(buffer)
        end = bytes(memoryview(buffer)[:read]).rfind(b"\n")
        self._length = self._length + read if end < 0 else read - end - 1
        if self._length > LONGEST:
            self._rows.refuse(f"a line of over {LONGEST:,} bytes; it is no file of vectors", "")
        return read


@contextmanager
def opened(rows: Rows, *, text: bool) -> Iterator[BinaryIO]:
    """The content of the rows' file, unpacked if its first bytes say gzip.

    Args:
        rows: name the file.
        text: whether the content is lines, none of which may be longer than `LONGEST` if packed.

    Raises:
        PipelineError: if the file cannot be read, or its gzip data are cut short or damaged.
    """
    try:
        with io.BufferedReader(io.FileIO(rows.path), BLOCK) as file:
            magic = file.peek(4)[:4]
            if magic.startswith(b"PK\x03\x04"):
                rows.refuse("a zip archive; unpack it and name the file inside", "")
            if magic.startswith(b"\x1f\x8b"):
                with gzip.open(file) as unpacked:
                    raw = _Lines(rows, unpacked) if text else cast(io.RawIOBase, unpacked)
                    yield cast(BinaryIO, io.BufferedReader(raw, BLOCK))
            else:
                yield cast(BinaryIO, file)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        rows.refuse(f"the gzip data are cut short or damaged ({error}); get the file again", "")
    except OSError as error:
        rows.refuse(f"cannot be read: {error.strerror}", "")


def two_integers(line: bytes) -> tuple[int, int] | None:
    """Rows and width, if `line` is the header of a vector file."""
    fields = line.split() if len(line) <= HEADER_LIMIT else []
    if len(fields) == 2 and all(one.isdigit() for one in fields):
        return int(fields[0]), int(fields[1])
    return None
