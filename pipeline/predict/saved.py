"""Rows of numbers as safetensors, which are mapped and not loaded, with their keys beside them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from safetensors.numpy import load_file, save_file

from pipeline.errors import PipelineError
from pipeline.files import atomic_write, read_json, write_json
from pipeline.fingerprint import Fingerprint
from pipeline.knowledge.lookup.knowledge import VECTORS, Rows
from pipeline.tables.parquet import read_table, write_table
from pipeline.text.vectors.files import Rows as VectorRows
from pipeline.text.vectors.opened import MatrixRows, OpenSource

WORDS = pa.schema([pa.field("word", pa.string(), nullable=False)])
MATRIX = "rows"
NOT_THESE = (ValueError, KeyError, TypeError, OverflowError)  # of JSON that says something else


@dataclass(frozen=True)
class SavedRows:
    """The rows of pictures out of an export; see `pipeline.knowledge.lookup.knowledge.Rows`."""

    fingerprint: Fingerprint
    places: dict[str, int]  # sha256 -> row
    matrix: np.ndarray  # (m, width)

    def rows(self, output: str, keys: Sequence[str]) -> np.ndarray:
        """The rows of images."""
        if output != VECTORS:
            raise ValueError(f"only {VECTORS} was saved, not {output}")
        found: np.ndarray = self.matrix[[self.places[key] for key in keys]]
        return found

    @classmethod
    def read(cls, folder: Path) -> SavedRows:
        """Read what `save_rows` wrote."""
        tree = read_json(folder / "rows.json")
        places = {key: place for place, key in enumerate(tree["keys"])}
        matrix = load_file(folder / "rows.safetensors")[MATRIX]
        return cls(Fingerprint.from_json(tree["fingerprint"]), places, matrix)


def save_rows(rows: Rows, keys: Sequence[str], folder: Path) -> None:
    """Write the vectors of pictures."""
    folder.mkdir(parents=True)
    with atomic_write(folder / "rows.safetensors") as temporary:
        save_file({MATRIX: np.ascontiguousarray(rows.rows(VECTORS, keys))}, temporary)
    write_json(
        folder / "rows.json", {"keys": list(keys), "fingerprint": rows.fingerprint.to_json()}
    )


def save_vectors(rows: Iterable[tuple[bytes, np.ndarray]], folder: Path, name: str) -> None:
    """Write all rows of a source of word vectors; words that are no UTF-8 are left out.

    The matrix is written row by row, so that a source may be larger than the memory.
    """
    words: list[str] = []
    folder.mkdir(parents=True, exist_ok=True)
    numbers = folder / f".{name}.rows"
    with numbers.open("wb") as file:
        width = 0
        for word, vector in rows:
            try:
                words.append(word.decode())
            except UnicodeDecodeError:
                continue
            width = len(vector)
            file.write(vector.astype("<f4").tobytes())
    matrix = np.memmap(numbers, np.float32, "r", shape=(len(words), width))
    with atomic_write(folder / f"{name}.safetensors") as temporary:
        save_file({MATRIX: matrix}, temporary)
    numbers.unlink()
    write_table(pa.table([words], WORDS), folder / f"{name}.parquet")


def open_saved_vectors(folder: Path, name: str) -> OpenSource:
    """Open what `save_vectors` wrote.

    Raises:
        PipelineError: if the files are something else, as those of another's export may be.
    """
    path = folder / f"{name}.safetensors"
    try:
        words = read_table(folder / f"{name}.parquet", WORDS, None)["word"]
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            stated = json.loads(file.read(min(length, path.stat().st_size)))[MATRIX]
        count, width = stated["shape"]
        if stated["dtype"] != "F32" or count != len(words):
            raise ValueError(f"{count} rows of {stated['dtype']} for {len(words)} words")
        matrix = np.memmap(path, np.float32, "r", offset=8 + length, shape=(count, width))
    except (OSError, RecursionError, PipelineError, *NOT_THESE) as error:
        raise PipelineError(
            f"{path}: not the vectors of an export ({error}); export the model again"
        ) from None
    return OpenSource(MatrixRows(VectorRows(path, width, ()), words, matrix))
