"""Lines of a text file, which may be compressed, some at a time."""

from __future__ import annotations

import bz2
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from itertools import repeat
from pathlib import Path
from typing import IO, cast

from pipeline.errors import PipelineError
from pipeline.knowledge.graph.faults import Faults

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
TABLE_BLOCK = 1 << 20  # so many bytes of a table are read at a time
LONGEST = 1 << 20  # bytes of a line; a little compressed data can hold one that fills the memory


def blocks(path: Path, sizes: Iterable[int]) -> Iterator[tuple[int, bytes]]:
    r"""Yield the number of a first line and whole lines, which end in `\n` (the last one may not).

    Each block has as many bytes as the next one of `sizes` says, and the rest of the last line.
    gzip and bzip2 are recognised by their first bytes, not by the name.

    Raises:
        PipelineError: if the file is missing or cannot be read, its compression is damaged, or a
            line is longer than any triple.
    """
    number = 1
    try:
        with _open(path) as file:
            for size in sizes:
                block = file.read(size) + (rest := file.readline(LONGEST))
                if not block:
                    break
                if len(rest) == LONGEST and not rest.endswith(b"\n"):
                    raise OSError(f"a line of over {LONGEST:,} bytes")
                yield number, block.removeprefix(BYTE_ORDER_MARK) if number == 1 else block
                number += block.count(b"\n")
    except FileNotFoundError:
        raise PipelineError(f"{path}: no such file") from None
    except (OSError, EOFError, zlib.error) as error:
        raise PipelineError(
            f"{path}: cannot be read after line {number - 1} ({error}); get the file again"
        ) from None


def table_rows(path: Path, columns: int, faults: Faults) -> Iterator[tuple[int, list[str]]]:
    """Yield number and fields of each good line of a tab-separated file; `faults` gets the others.

    A line must have `columns` fields, none of them empty; empty lines are skipped.
    """
    for first, block in blocks(path, repeat(TABLE_BLOCK)):
        for number, raw in enumerate(io.BytesIO(block), first):
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
