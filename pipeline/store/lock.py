"""One writer at a time.

It is needed since `kill -9` of dvc leaves its stage running, beside which the next run starts.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import PipelineError


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the lock of `directory`: the file `<directory>.lock` beside it, which names our process.

    The kernel drops the lock (flock) when its holder dies, so a file left behind does no harm.

    Raises:
        PipelineError: if another process holds it (the message names that process), or if the
            folder is read-only or its file system has no locks.
    """
    path = directory.with_name(f"{directory.name}.lock")
    descriptor = _acquire(path, directory)
    try:
        os.truncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        try:
            path.unlink(missing_ok=True)  # before the lock is dropped: see _acquire
        finally:
            os.close(descriptor)


def _acquire(path: Path, directory: Path) -> int:
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise PipelineError(
                f"{directory}: cannot be written: no lock could be put beside it, at {path}"
                f" ({error.strerror}). A store that is only read needs none"
            ) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise PipelineError(
                f"{directory}: process {holder or 'unknown'} is writing this store (it holds"
                f" {path}). Wait for it or end it, then run again; a killed `dvc` leaves its"
                " stage running."
            ) from None
        except OSError as error:
            os.close(descriptor)
            path.unlink(missing_ok=True)
            raise PipelineError(
                f"{directory}: its file system has no locks (flock: {error.strerror}), and without"
                " one two runs could write this store at once. Put the project on a local disk, or"
                " mount this one with locks"
            ) from None
        # The holder before us may have removed the file after we opened it and before we locked
        # it. Then others lock a new file, and our lock guards nothing.
        try:
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        except FileNotFoundError:
            pass
        os.close(descriptor)
