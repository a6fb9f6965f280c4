"""Parquet tables that exist whole or not at all; equal rows give equal bytes."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import PipelineError
from pipeline.files import atomic_write

# A few bytes of Parquet can promise any number of rows. A table this large in memory is refused
# unless its file is at least a RATIO-th of it: the largest ratio of our own tables is below 50.
LARGEST, RATIO = 1 << 28, 1000
VALUE = 4  # bytes that a value takes at least: a number, or the place of a text


def write_table(table: pa.Table, path: Path) -> None:
    """Write `table` to `path`, atomically; pages carry checksums, which `read_table` verifies."""
    with atomic_write(path) as temporary:
        pq.write_table(
            table, temporary, version="2.6", compression="zstd", write_page_checksum=True
        )


def read_table(path: Path, schema: pa.Schema | None, stage: str | None) -> pa.Table:
    """Read the table at `path`, which must have the columns of `schema` in their order.

    Args:
        path: the Parquet file.
        schema: names and types of the columns, without metadata; None if the caller checks them.
        stage: the stage that writes the file, for the message of an error; None if none does.

    Raises:
        PipelineError: if the file is missing, damaged, or has other columns.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            check_promise(path, file.metadata)
            check_columns(path, file.schema_arrow, schema or file.schema_arrow, stage)
            table = file.read()
            table.validate(full=True)  # texts that are no UTF-8, which Arrow reads as they stand
            return table
    except FileNotFoundError:
        raise PipelineError(f"{path}: no such file{_again(path, stage)}") from None
    except (OSError, ValueError, pa.ArrowException) as error:
        cause = " ".join(str(error).split())
        raise PipelineError(
            f"{path}: not a sound Parquet file ({cause}){_again(path, stage)}"
        ) from None


def check_columns(path: Path, found: pa.Schema, expected: pa.Schema, stage: str | None) -> None:
    """Refuse a table at `path`, written by `stage`, whose columns are not the expected ones."""
    if not found.equals(expected, check_metadata=False):
        columns = f"expected columns {_columns(expected)}, found {_columns(found)}"
        raise PipelineError(f"{path}: {columns}{_again(path, stage)}")


def check_promise(path: Path, promised: pq.FileMetaData) -> None:
    """Refuse a file of `path` that promises far more than it can hold, before room is made for it.

    Raises:
        ArrowInvalid: with the numbers.
    """
    groups = map(promised.row_group, range(promised.num_row_groups))
    unpacked = sum(group.total_byte_size for group in groups)
    count = max(unpacked, VALUE * promised.num_rows * promised.num_columns)
    if count > max(LARGEST, RATIO * path.stat().st_size):
        raise pa.ArrowInvalid(
            f"its {path.stat().st_size:,} bytes promise {promised.num_rows:,} rows, which unpack to"
            f" {unpacked:,} bytes or more"
        )


def _again(path: Path, stage: str | None) -> str:
    if stage is None:
        return ""
    return f"; run `dvc repro {stage}`, or `dvc pull {path}` where another machine has run it"


def _columns(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} ({field.type})" for field in schema)
