"""Write files so that they are whole or absent: beside their place, synced, then renamed."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}  # the disk, the quota, the process's limit


# A file that cannot be read for such a reason may be sound: permissions, a failing disk, a server
# that is away, too many open files.
NOT_NOW = {
    errno.EACCES,
    errno.EPERM,
    errno.EIO,
    errno.ESTALE,
    errno.ETIMEDOUT,
    errno.EMFILE,
    errno.ENFILE,
}


class ClosedFileError(PipelineError):
    """The file cannot be read now, and may be sound."""


class NoRoomError(PipelineError):
    """The disk, the quota or the process's limit is full."""


@contextmanager
def atomic_write(path: Path, expected: int | None = None) -> Iterator[Path]:
    """Yield a temporary path beside `path`; what the body writes there becomes `path` at the end.

    The folder is made if need be. The file is synced before the renaming and the folder after it,
    so that a crash at any instant leaves the old file or the new one. An existing file is replaced
    and never written into, since DVC may have made it a read-only link into its cache. A body that
    raises leaves nothing. The temporary name keeps the suffix, or `np.save` would add one.

    Args:
        path: the file that is written.
        expected: how many bytes it will have, if known; the message of a full disk says it.

    Raises:
        NoRoomError: if there is no room for the file.
        PipelineError: if the folder may not be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(path.parent, os.W_OK):
        raise PipelineError(f"{path}: the folder {path.parent} is not writable")
    temporary = temporary_of(path)
    try:
        yield temporary
        sync(temporary)
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in FULL:
            needed = "" if expected is None else f": it needs {expected:,} bytes"
            free = shutil.disk_usage(path.parent).free
            raise NoRoomError(
                f"{path}: no room to write this file{needed}, and {free:,} are free"
                f" ({os.strerror(error.errno or 0)}); make room and run again."
                " No half-written file was left."
            ) from error
        raise
    sync(path.parent)


def temporary_of(path: Path) -> Path:
    """The temporary file that this process writes before it becomes `path`."""
    return path.with_name(f".{os.getpid()}.tmp.{path.name}")


def sync(path: Path) -> None:
    """Wait until the file or folder `path` is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write `content` to `path`, atomically."""
    with atomic_write(path, len(content)) as temporary:
        temporary.write_bytes(content)


def json_bytes(tree: Any) -> bytes:
    """The JSON text of `tree`; equal trees give equal bytes (keys sorted, no NaN)."""
    text = json.dumps(tree, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def write_json(path: Path, tree: Any) -> None:
    """Write `tree` as JSON, atomically; equal trees give equal bytes."""
    write_bytes(path, json_bytes(tree))


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, 64 lower-case hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_json(path: Path) -> Any:
    """Read a JSON file that a stage wrote.

    Raises:
        PipelineError: if the file is missing or not JSON; the message names it.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PipelineError(f"{path}: no such file; run its stage or `dvc pull` it") from None
    except (ValueError, RecursionError) as error:
        raise PipelineError(f"{path}: damaged ({error}); run its stage again") from None


def closed_file(path: Path, error: Exception) -> ClosedFileError | None:
    """What to raise if an error in reading `path` says nothing of the file's content; else None."""
    if not isinstance(error, OSError) or error.errno not in NOT_NOW:
        return None
    return ClosedFileError(
        f"{path}: cannot be read ({os.strerror(error.errno)}), and may be sound: mend its"
        " permissions or those of its folder, or the disk, and run again"
    )


def file_size(path: Path) -> int | None:
    """The bytes of a file; None if there is none, or a folder or a broken link."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def file_sizes(directory: Path) -> Iterator[tuple[str, int | None]]:
    """Name and bytes of each entry of a folder; None for a folder or a broken link."""
    with os.scandir(directory) as entries:
        for entry in entries:
            yield entry.name, entry.stat().st_size if entry.is_file() else None
