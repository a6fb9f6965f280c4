"""Parquet tables that exist whole or not at all; equal rows give equal bytes."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import PipelineError
from pipeline.files import atomic_write


def write_table(table: pa.Table, path: Path) -> None:
    """Write `table` to `path`, atomically; pages carry checksums, which `read_table` verifies."""
    with atomic_write(path) as temporary:
        pq.write_table(
            table, temporary, version="2.6", compression="zstd", write_page_checksum=True
        )


def read_table(path: Path, schema: pa.Schema | None, stage: str) -> pa.Table:
    """Read the table at `path`, which must have the columns of `schema` in their order.

    Args:
        path: the Parquet file.
        schema: names and types of the columns, without metadata; None if the caller checks them.
        stage: the stage that writes the file, for the message of an error.

    Raises:
        PipelineError: if the file is missing, damaged, or has other columns.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            check_columns(path, file.schema_arrow, schema or file.schema_arrow, stage)
            return file.read()
    except FileNotFoundError:
        raise PipelineError(f"{path}: no such file; {_again(path, stage)}") from None
    except (OSError, pa.ArrowException) as error:
        cause = " ".join(str(error).split())
        raise PipelineError(
            f"{path}: not a sound Parquet file ({cause}); {_again(path, stage)}"
        ) from None


def check_columns(path: Path, found: pa.Schema, expected: pa.Schema, stage: str) -> None:
    """Refuse a table at `path`, written by `stage`, whose columns are not the expected ones."""
    if not found.equals(expected, check_metadata=False):
        columns = f"expected columns {_columns(expected)}, found {_columns(found)}"
        raise PipelineError(f"{path}: {columns}; {_again(path, stage)}")


def _again(path: Path, stage: str) -> str:
    return f"run `dvc repro {stage}`, or `dvc pull {path}` where another machine has run it"


def _columns(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} ({field.type})" for field in schema)
