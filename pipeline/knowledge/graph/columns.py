"""Compressed rows as columns of lists, and back."""

from __future__ import annotations

import numpy as np
import pyarrow as pa


def list_of(kind: pa.DataType) -> pa.DataType:
    """The type of lists of `kind`, without nulls in them."""
    return pa.list_(pa.field("element", kind, nullable=False))


def lists(starts: np.ndarray, values: np.ndarray | pa.Array, kind: pa.DataType) -> pa.ListArray:
    """A column of lists from compressed rows."""
    return pa.ListArray.from_arrays(
        pa.array(starts, pa.int32()), pa.array(values, kind), type=list_of(kind)
    )


def flat(column: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """Compressed rows from a column of lists: starts (rows + 1,) int64 and the values."""
    whole = column.combine_chunks()
    starts = whole.offsets.to_numpy().astype(np.int64)
    return starts - starts[0], whole.flatten().to_numpy(zero_copy_only=False)
