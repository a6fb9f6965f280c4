"""A source of word vectors kept open for many small look-ups, as the words of new posts come.

The readers of the stages go through a whole file for one set of words. Here the file is gone
through once: a hash and a place are kept of each row (16 bytes), and a row is read when its word is
asked for. A word that stands there twice has its first vector, as with the other readers.
"""

from __future__ import annotations

import shutil
import tempfile
from array import array
from collections.abc import Collection, Iterator
from io import BufferedReader, FileIO
from pathlib import Path
from typing import BinaryIO, Protocol, assert_never

import numpy as np
import pyarrow as pa

from pipeline.params.vectors import VectorSource
from pipeline.text.vectors.files import Rows, opened
from pipeline.text.vectors.package import open_package
from pipeline.text.vectors.text import first_row, parse
from pipeline.text.vectors.word2vec import row_at, rows_of


class RowFile(Protocol):
    """The rows of one source: each has a place, which is its number or its first byte."""

    rows: Rows  # names the file in messages

    def scan(self) -> Iterator[tuple[bytes, int]]:
        """The beginning of each row's word, up to a space, and the place of the row."""

    def at(self, place: int) -> tuple[bytes, np.ndarray]:
        """The word at a place, and its vector (width,)."""


class OpenSource:
    """Finds vectors by word.

    Args:
        file: the rows.

    Raises:
        PipelineError: if the source cannot be read as what it is said to be.
    """

    def __init__(self, file: RowFile) -> None:
        self._file = file
        hashes, places = array("q"), array("q")
        for word, place in file.scan():
            hashes.append(hash(word))
            places.append(place)
        keys = np.frombuffer(hashes, np.int64) if hashes else np.empty(0, np.int64)
        order = np.argsort(keys, kind="stable")
        self._hashes = keys[order]  # (n,)
        self.places = np.frombuffer(places, np.int64) if places else np.empty(0, np.int64)
        self._by_hash = self.places[order]  # (n,)

    def read(self, wanted: Collection[str]) -> Rows:
        """The rows that the source has of the `wanted` words."""
        source = self._file.rows
        found = Rows(source.path, source.width, wanted)
        found.count = len(self.places)
        for word in found.wanted:
            key = hash(word.partition(b" ")[0])
            first = int(np.searchsorted(self._hashes, key))
            while first < len(self._hashes) and self._hashes[first] == key:
                there, vector = self._file.at(int(self._by_hash[first]))
                if there == word:
                    found.keep(word, vector, f" place {self._by_hash[first]}")
                    break
                first += 1
        return found

    def all(self) -> Iterator[tuple[bytes, np.ndarray]]:
        """Every word and its vector (width,), in the order of the file."""
        for place in self.places.tolist():
            yield self._file.at(place)


def open_source(source: VectorSource) -> OpenSource:
    """Open a source of params.yaml.

    Raises:
        PipelineError: as `OpenSource`.
    """
    match source.kind:
        case "text":
            return OpenSource(TextRows(Path(source.path), source.width))
        case "word2vec":
            return OpenSource(Word2vecRows(Path(source.path), source.width))
        case "package":
            return OpenSource(MatrixRows(*open_package(source.package or "", source.width)))
        case _:
            assert_never(source.kind)


class MatrixRows:
    """Rows of a mapped matrix (n, width), whose n words are a column of text."""

    def __init__(self, rows: Rows, words: pa.ChunkedArray, matrix: np.ndarray) -> None:
        self.rows = rows
        self._words = words.combine_chunks()
        self._matrix = matrix

    def scan(self) -> Iterator[tuple[bytes, int]]:
        """As `RowFile`."""
        for row, word in enumerate(self._words.to_pylist()):
            yield word.encode().partition(b" ")[0], row

    def at(self, place: int) -> tuple[bytes, np.ndarray]:
        """As `RowFile`."""
        return self._words[place].as_py().encode(), np.array(self._matrix[place], np.float32)


class _Lines:
    """A file of rows; if it is packed, it is unpacked into a temporary file."""

    text: bool  # whether its content is lines

    def __init__(self, path: Path, width: int) -> None:
        self.rows = Rows(path, width, ())
        self._file = _apart(self.rows, self.text)


def _apart(rows: Rows, text: bool) -> BinaryIO:
    """The content of the rows' file as one that stays open, whose rows are read in any order."""
    with opened(rows, text=text) as content:
        if isinstance(content, BufferedReader) and isinstance(content.raw, FileIO):
            return rows.path.open("rb")
        unpacked = tempfile.TemporaryFile()  # noqa: SIM115
        shutil.copyfileobj(content, unpacked)
        unpacked.seek(0)
        return unpacked


class TextRows(_Lines):
    """Rows of text, as `read_text` reads them."""

    text = True

    def scan(self) -> Iterator[tuple[bytes, int]]:
        """As `RowFile`."""
        self._file.seek(first_row(self.rows, self._file))
        place = self._file.tell()
        for line in self._file:
            if len(line) > 2:  # an empty one may be the last
                yield line[: line.find(b" ")], place
            place += len(line)

    def at(self, place: int) -> tuple[bytes, np.ndarray]:
        """As `RowFile`."""
        self._file.seek(place)
        return parse(self.rows, self._file.readline(), f" byte {place}")


class Word2vecRows(_Lines):
    """Rows of word2vec's binary format, as `read_word2vec` reads them."""

    text = False

    def scan(self) -> Iterator[tuple[bytes, int]]:
        """As `RowFile`."""
        self._file.seek(0)
        for word, place, _ in rows_of(self.rows, self._file):
            yield word.partition(b" ")[0], place

    def at(self, place: int) -> tuple[bytes, np.ndarray]:
        """As `RowFile`."""
        return row_at(self.rows, self._file, place)
