"""What may be sound and cannot be read, locked or written is said to be so, and never deleted."""

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.files import ClosedFileError
from pipeline.store import shard
from pipeline.store.reader import Reader
from tests.store.oracle import content, extract, fingerprint, keys, shards

MADE = fingerprint(1)
WANTED = keys(range(60))


def refusing(number: int, wanted: str, operation: Callable[..., object]) -> Callable[..., object]:
    """The operation, which fails with this errno for paths that end in `wanted`."""

    def run(path: object, *args: object, **kwargs: object) -> object:
        if os.fsdecode(os.fspath(path)).endswith(wanted):  # type: ignore[call-overload]
            raise OSError(number, os.strerror(number), os.fspath(path))  # type: ignore[call-overload]
        return operation(path, *args, **kwargs)

    return run


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    extract(tmp_path / "tags", WANTED, MADE)
    return tmp_path / "tags"


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.ESTALE])
def test_a_shard_that_may_not_be_read(
    directory: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    closed = shards(directory)[3]
    before = content(directory)
    monkeypatch.setattr(shard, "open_file", refusing(number, closed.name, shard.open_file))
    with pytest.raises(ClosedFileError, match=rf"{closed.name}: cannot be read") as said:
        Reader(directory).rows("grid", WANTED)
    assert "delete" not in str(said.value)
    with pytest.raises(ClosedFileError, match="may be sound"):
        extract(directory, keys(range(200)), MADE)  # its rows would be copied into new shards
    assert before.items() <= content(directory).items()


def test_a_shard_that_is_broken_is_still_computed_anew(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = shards(directory)[3]
    monkeypatch.setattr(shard, "open_file", refusing(errno.ENOENT, broken.name, shard.open_file))
    assert len(extract(directory, keys(range(200)), MADE).unreadable) == 1


@pytest.mark.parametrize("name", ["index.parquet", "store.json"])
def test_an_index_that_may_not_be_read(
    directory: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    read = refusing(errno.EACCES, name, Path.read_bytes)
    monkeypatch.setattr(Path, "read_bytes", read)
    monkeypatch.setattr(
        "pipeline.store.index.pq.ParquetFile",
        refusing(errno.EACCES, name, shard.pa.parquet.ParquetFile),
    )
    with pytest.raises(ClosedFileError, match=f"{name}: cannot be read") as said:
        Reader(directory).check()
    assert "rm " not in str(said.value)


@pytest.mark.parametrize("images", [60, 61])  # nothing is new, one is
def test_a_store_on_a_read_only_disk_is_read_and_not_written(
    directory: Path, monkeypatch: pytest.MonkeyPatch, images: int
) -> None:
    monkeypatch.setattr(os, "open", refusing(errno.EROFS, "tags.lock", os.open))
    assert len(Reader(directory).rows("grid", WANTED)) == 60
    with pytest.raises(PipelineError, match=r"tags: cannot be written: .*Read-only file system"):
        extract(directory, keys(range(images)), MADE)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks(
    directory: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def flock(descriptor: int, how: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    before = content(directory)
    with pytest.raises(PipelineError, match=r"tags: its file system has no locks \(flock: "):
        extract(directory, keys(range(70)), MADE)
    assert content(directory) == before
    assert not directory.with_name("tags.lock").exists()
