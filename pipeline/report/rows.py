"""Rows of a table of another stage, of which the report needs some columns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError
from pipeline.tables.parquet import read_table


def read_rows(path: Path, stage: str, columns: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of the table at `path`, which `stage` wrote, with these columns.

    Raises:
        PipelineError: if the file is missing, damaged, or lacks a column.
    """
    table = read_table(path, None, stage)
    missing = [name for name in columns if name not in table.column_names]
    if missing:
        raise PipelineError(f"{path}: lacks {', '.join(missing)}; run `dvc repro {stage}`")
    rows: list[dict[str, Any]] = table.select(columns).to_pylist()
    return rows
