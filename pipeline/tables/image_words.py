"""The table of image words, `features/tags.parquet`: the best classes of each image, best first.

It is read like a feature store: rows are found by the sha256 of an image. Its fingerprint is that
of the store whose logits it was made from, so that another backbone gives another fingerprint.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.errors import PipelineError
from pipeline.fingerprint import Fingerprint, Output
from pipeline.tables.parquet import read_table, write_table

CLASSES = "classes"
PROBABILITIES = "probabilities"
FINGERPRINT = b"fingerprint"  # keys in the metadata of the schema
COUNT = b"classes"


def _each(kind: pa.DataType) -> pa.DataType:
    return pa.list_(pa.field("element", kind, nullable=False))


SCHEMA = pa.schema(
    [
        pa.field("sha256", pa.string(), nullable=False),
        pa.field(CLASSES, _each(pa.int32())),
        pa.field("words", _each(pa.string())),
        pa.field(PROBABILITIES, _each(pa.float32())),
    ]
)


def write_image_words(
    path: Path,
    keys: Sequence[str],
    classes: Sequence[Sequence[int]],
    probabilities: Sequence[Sequence[float]],
    names: Sequence[str],
    fingerprint: Fingerprint,
) -> None:
    """Write the table: for each image its classes, best first, their names and probabilities.

    Args:
        path: where it goes.
        keys: the sha256 of n images, ascending.
        classes: n rows of k classes.
        probabilities: n rows of k.
        names: the names of all classes, in their order.
        fingerprint: that of the store with the logits.
    """
    words = [[names[number] for number in row] for row in classes]
    metadata = {
        FINGERPRINT: json.dumps(fingerprint.to_json(), sort_keys=True).encode(),
        COUNT: str(len(names)).encode(),
    }
    columns = [list(keys), list(classes), words, list(probabilities)]
    write_table(pa.table(columns, SCHEMA.with_metadata(metadata)), path)


class ImageWords:
    """The table, which is read whole when it is first asked for anything."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._table: _Table | None = None

    def check(self) -> None:
        """Read the table.

        Raises:
            PipelineError: if the file is missing, damaged, or no table of image words.
        """
        if self._table is None:
            self._table = _Table(self.path)

    @property
    def _read(self) -> _Table:
        self.check()
        assert self._table is not None
        return self._table

    @property
    def fingerprint(self) -> Fingerprint:
        """The fingerprint of the store whose logits the words were made from."""
        return self._read.fingerprint

    @property
    def outputs(self) -> dict[str, Output]:
        """The outputs that the table holds for each image, by name: k values each."""
        k = self._read.columns[CLASSES].shape[1]
        return {name: Output((k,), str(c.dtype)) for name, c in self._read.columns.items()}

    @property
    def classes(self) -> int:
        """The number of classes that the words are chosen from."""
        return self._read.classes

    def __contains__(self, key: object) -> bool:
        """Whether the image of this sha256 has a row."""
        return key in self._read.places

    def rows(self, output: str, keys: Sequence[str]) -> np.ndarray:
        """The rows (len(keys), k) of images that have one."""
        places = [self._read.places[key] for key in keys]
        found: np.ndarray = self._read.columns[output][places]
        return found


class _Table:
    """The content of one file."""

    def __init__(self, path: Path) -> None:
        table = read_table(path, SCHEMA, "tags")
        metadata = table.schema.metadata or {}
        if FINGERPRINT not in metadata or COUNT not in metadata:
            raise PipelineError(
                f"{path}: does not say which network its classes come from; run `dvc repro tags`"
            )
        self.fingerprint = Fingerprint.from_json(json.loads(metadata[FINGERPRINT]))
        self.classes = int(metadata[COUNT])
        keys = table["sha256"].to_pylist()
        self.places = {key: place for place, key in enumerate(keys)}
        lengths = {len(row) for row in table[CLASSES].to_pylist()}
        if len(lengths) > 1:
            raise PipelineError(
                f"{path}: images have differing numbers of words; run `dvc repro tags`"
            )
        width = lengths.pop() if lengths else 1
        self.columns = {
            name: table[name].combine_chunks().flatten().to_numpy().reshape(-1, width)
            for name in (CLASSES, PROBABILITIES)
        }
