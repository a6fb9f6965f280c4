"""The table of images, `features/images.parquet`: whether each id can be used, and if not, why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from pipeline.tables.parquet import read_table, write_table

OK = "ok"

SCHEMA = pa.schema(
    [
        pa.field("image", pa.string(), nullable=False),
        pa.field("path", pa.string()),
        pa.field("sha256", pa.string()),
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
        pa.field("status", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True)
class Image:
    """One id and what was found under it.

    Attributes:
        image: the id as the posts write it. If no post names the file, the id is its path without
            suffix, or its whole path where two files share that.
        path: the path of the file, relative to the image folder; None if there is no file.
        sha256: the SHA-256 of the file's bytes, in hexadecimal; None unless the status is "ok".
        width: the pixels of a row of the upright image; None unless the status is "ok".
        height: the pixels of a column; None unless the status is "ok".
        status: "ok", or a word that says why the image cannot be used.
        reason: the same as a sentence for a person; "" if the status is "ok".
    """

    image: str
    path: str | None
    sha256: str | None
    width: int | None
    height: int | None
    status: str
    reason: str


def bad(image: str, path: str | None, status: str, reason: str) -> Image:
    """Make the row of an image that cannot be used."""
    return Image(image, path, None, None, None, status, reason)


def usable(images: Iterable[Image]) -> dict[str, str]:
    """Map each id whose image can be used to the image's sha256."""
    return {row.image: row.sha256 for row in images if row.status == OK and row.sha256}


def write_images(images: Iterable[Image], path: Path) -> None:
    """Write the table, sorted by id; equal rows give equal bytes."""
    rows = sorted(images, key=lambda row: row.image)
    columns = {name: [getattr(row, name) for row in rows] for name in SCHEMA.names}
    write_table(pa.table(columns, SCHEMA), path)


def read_images(path: Path) -> list[Image]:
    """Read the table, sorted by id.

    Raises:
        PipelineError: if the file is missing, damaged, or not a table of images.
    """
    return [Image(**row) for row in read_table(path, SCHEMA, "index_images").to_pylist()]
