"""Fetch a published weights file when a person asks for it; no stage and no import does.

The bytes gather in `FILE.part` beside their place. An interrupted download keeps them, and the next
one asks the server for the rest (HTTP Range). The file gets its name when its SHA-256 is verified.
"""

from __future__ import annotations

import fcntl
import http.client
import math
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import IO

from pipeline.errors import PipelineError
from pipeline.files import FULL, NoRoomError, sha256_of, sync
from pipeline.progress import Mode, progress
from pipeline.published import Published

CHUNK = 1 << 20  # bytes
SILENCE = 60.0  # seconds without a byte end the download


def download(published: Published, folder: Path, mode: Mode = "auto") -> Path:
    """Fetch the file from its `origin` into `folder`, or go on where a download ended.

    Returns:
        The file, whose hash is verified.

    Raises:
        NoRoomError: if the disk is full.
        PipelineError: if the file comes in a package, if another process downloads it, if the
            server does not answer or ends too early, or if the bytes are not the published ones.
    """
    if published.package is not None:
        raise PipelineError(
            f"{published.file} comes with {published.origin}, which `make setup` installs"
        )
    path = folder / published.file
    part = path.with_name(path.name + ".part")
    with _opened(part) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PipelineError(f"{part}: another process is downloading this file") from None
        try:
            _fill(file, published.origin, mode)
        except OSError as error:
            if error.errno in FULL:
                raise NoRoomError(
                    f"{part}: no room ({os.strerror(error.errno or 0)}); make room and run the"
                    " same command again: it goes on from what is there"
                ) from None
            raise _interrupted(part, published.origin, str(error)) from None
        except http.client.HTTPException as error:
            raise _interrupted(part, published.origin, repr(error)) from None
        _finish(file, part, path, published)
    return path


def _opened(part: Path) -> IO[bytes]:
    """The file of what has come so far, to be appended to."""
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        return part.open("ab")
    except OSError as error:
        raise PipelineError(
            f"{part}: cannot be written ({error.strerror}); runtime.weights_dir of params.yaml may"
            " name another folder"
        ) from None


def _fill(file: IO[bytes], url: str, mode: Mode) -> None:
    """Append to `file` what it lacks of the file at `url`."""
    there = file.tell()
    request = urllib.request.Request(url, headers={"Range": f"bytes={there}-"} if there else {})
    try:
        response = urllib.request.urlopen(request, timeout=SILENCE)
    except urllib.error.HTTPError as error:
        if there and error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # there is no rest; the hash says whether what is there is the file
        raise
    with response:
        if there and response.status != HTTPStatus.PARTIAL_CONTENT:  # a server without Range
            file.truncate(there := 0)
        rest = response.headers["Content-Length"]
        total = None if rest is None else there + int(rest)
        chunks = iter(lambda: response.read(CHUNK), b"")
        for chunk in _shown(chunks, there, total, Path(file.name).stem, mode):
            file.write(chunk)
    file.flush()
    if total is not None and file.seek(0, os.SEEK_END) < total:
        raise http.client.IncompleteRead(b"", total - file.tell())


def _shown(
    chunks: Iterator[bytes], there: int, total: int | None, title: str, mode: Mode
) -> Iterator[bytes]:
    """The chunks, while a line or a bar says how many MiB of the rest have come."""
    left = math.ceil(((total or there) - there) / CHUNK)
    return progress(chunks, left, "MiB", mode, title=title)


def _finish(file: IO[bytes], part: Path, path: Path, published: Published) -> None:
    """Give the file its name, if its bytes are the published ones; else remove it."""
    os.fsync(file.fileno())
    digest = sha256_of(part)
    if digest != published.sha256:
        part.unlink()
        raise PipelineError(
            f"{published.origin}: the sha256 of what came is {digest}, not {published.sha256} as"
            " its authors published it; it was removed. Run the same command again, or look at"
            " what stands between this machine and the server"
        )
    part.replace(path)
    sync(path.parent)


def _interrupted(part: Path, url: str, cause: str) -> PipelineError:
    return PipelineError(
        f"{url}: {cause}; {part} keeps {part.stat().st_size:,} bytes: run the same command again,"
        " and it goes on from there"
    )
