"""The output of a prediction: a line for each row, which an interrupted run goes on with.

A file holds whole lines, each as soon as its block is done. What a run leaves behind when it is
killed, or when the disk is full, is a beginning of the whole output: line n is of row n. `resume`
cuts a last line that is not whole, checks that the lines are of these rows, and goes on from there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.files import FULL, NoRoomError
from pipeline.predict.records import Row


def begin(path: Path) -> None:
    """Make an empty output.

    Raises:
        PipelineError: if the file is there already, so that nothing is lost, or cannot be made.
    """
    if path.exists() and path.stat().st_size:
        raise PipelineError(f"{path}: is there already: --resume goes on with it, else remove it")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError as error:
        raise PipelineError(f"{path}: cannot be written: {error.strerror}") from None


def withdraw(path: Path) -> None:
    """Remove an output that `begin` made and nothing was written to."""
    if path.is_file() and not path.stat().st_size:
        path.unlink()


def resume(path: Path, rows: Iterable[Row]) -> tuple[Iterator[Row], int]:
    """Those of `rows` that have no line in `path` yet, and how many have one.

    A last line that is not whole is cut.

    Raises:
        PipelineError: if a line of the output is of another row than the input has there.
    """
    left = iter(rows)
    if not path.exists():
        begin(path)
        return left, 0
    whole = done = 0
    with path.open("rb+") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break
            row = next(left, None)
            if row is None or row.id != _id_of(line):
                there = f"{row.id!r}" if row else "no more rows"
                raise PipelineError(
                    f"{path}: its line for {_id_of(line)!r} stands where this input has {there}:"
                    " it is the output of another input; name another --output"
                )
            whole += len(line)
            done += 1
        file.truncate(whole)
    return left, done


def append(path: Path, texts: Iterable[str], block: int) -> Iterator[int]:
    """Write texts behind those of a file, `block` at a time, and yield how many were written.

    Raises:
        NoRoomError: if there is no room; the texts before are there, and no part of another.
    """
    with path.open("ab", buffering=0) as file:
        left = iter(texts)
        while part := list(islice(left, block)):
            before = file.tell()
            try:
                _write(file.fileno(), "".join(part).encode())
            except OSError as error:
                with suppress(OSError):
                    file.truncate(before)
                if error.errno in FULL:
                    raise NoRoomError(
                        f"{path}: no room for more ({os.strerror(error.errno or 0)}): what is"
                        " written is whole; make room and go on by --resume"
                    ) from None
                raise PipelineError(f"{path}: cannot be written: {error.strerror}") from None
            yield len(part)


def _write(descriptor: int, content: bytes) -> None:
    """Write all of `content`: one call may write a part, and the next then tells why."""
    while content:
        content = content[os.write(descriptor, content) :]


def _id_of(line: bytes) -> str | None:
    """The id of a line that `results` wrote; None if it is no such line."""
    try:
        tree = json.loads(line)
    except ValueError:
        return None
    if not isinstance(tree, dict):
        return None
    found = tree.get("id", tree.get("meta", {}).get("id"))
    return found if isinstance(found, str) else None
