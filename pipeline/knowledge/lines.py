"""Lines of a text file that may be compressed, some at a time."""

from __future__ import annotations

import bz2
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from pipeline.errors import PipelineError
from pipeline.knowledge.faults import Faults

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def blocks(path: Path, size: int) -> Iterator[tuple[int, list[bytes]]]:
    """Yield (number of the first line, whole lines with their ends) of about `size` bytes each.

    gzip and bzip2 are told by their first bytes, not by the name.

    Raises:
        PipelineError: if the file is missing or cannot be read, or its compression is damaged.
    """
    number = 1
    try:
        with _open(path) as file:
            while lines := file.readlines(size):
                if number == 1:
                    lines[0] = lines[0].removeprefix(BYTE_ORDER_MARK)
                yield number, lines
                number += len(lines)
    except FileNotFoundError:
        raise PipelineError(f"{path}: no such file") from None
    except (OSError, EOFError, zlib.error) as error:
        raise PipelineError(
            f"{path}: cannot be read after line {number - 1} ({error}); get the file again"
        ) from None


def table_rows(path: Path, columns: int, faults: Faults) -> Iterator[tuple[int, list[str]]]:
    """Yield number and fields of each line of a tab-separated file, counting others in `faults`.

    Every line has `columns` fields, none of them empty; empty lines are passed over.
    """
    for first, lines in blocks(path, 1 << 20):
        for number, raw in enumerate(lines, first):
            try:
                line = raw.decode().rstrip("\r\n")
            except UnicodeDecodeError as error:
                faults.add(path, number, f"not UTF-8 (byte {error.start} of the line)")
                continue
            if not line:
                continue
            fields = line.split("\t")
            if len(fields) != columns:
                faults.add(path, number, f"{len(fields)} fields, not {columns}")
            elif not all(field.strip() for field in fields):
                faults.add(path, number, "an empty field")
            else:
                yield number, fields


def _open(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        head = file.read(3)
    if head[:2] == b"\x1f\x8b":
        return cast(IO[bytes], gzip.open(path, "rb"))
    if head == b"BZh":
        return cast(IO[bytes], bz2.open(path, "rb"))
    return path.open("rb")
