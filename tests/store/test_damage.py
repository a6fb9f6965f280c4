"""A store recovers from lost and broken files, and from a full disk."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.files import NoRoomError
from pipeline.store.keys import place_of
from pipeline.store.reader import Reader
from tests.store.oracle import content, extract, fingerprint, fresh, key, keys, shards

MADE, OTHER = fingerprint(1), fingerprint(2)


@pytest.mark.parametrize("lost", ["index.parquet", "store.json"])
@pytest.mark.parametrize("how", ["removed", "emptied", "edited", "another store's"])
def test_a_lost_or_edited_index_is_written_anew(
    directory: Path, tmp_path: Path, lost: str, how: str
) -> None:
    extract(directory, keys(range(50)), MADE)
    path = directory / lost
    match how:
        case "removed":
            path.unlink()
        case "emptied":
            path.write_bytes(b"")
        case "edited":
            path.write_bytes(path.read_bytes().replace(b"5", b"6"))
        case _:
            extract(tmp_path / "other", keys(range(40)), OTHER)
            shutil.copy(tmp_path / "other" / lost, path)
    with pytest.raises(PipelineError, match=r"tags.*[Rr]un .*dvc pull"):
        Reader(directory).check()
    report = extract(directory, keys(range(50)), MADE)
    assert (report.added, report.rewritten, report.unreadable) == (0, 0, ())
    assert content(directory) == fresh(tmp_path, keys(range(50)), MADE)


@pytest.mark.parametrize(
    ("how", "indexed"),
    [
        *[(how, i) for how in ("removed", "emptied", "cut", "dangling") for i in (True, False)],
        ("another's", False),  # if there is an index, only the reader opens it
    ],
)
def test_a_lost_or_broken_shard_is_computed_anew_and_said(
    directory: Path, tmp_path: Path, how: str, indexed: bool
) -> None:
    wanted = keys(range(50))
    extract(directory, wanted, MADE)
    victim = shards(directory)[2]
    lost = len([k for k in wanted if int(k[0], 16) >> 1 == place_of(victim.name)[0]])
    match how:
        case "removed":
            victim.unlink()
        case "emptied":
            victim.write_bytes(b"")
        case "cut":
            victim.write_bytes(victim.read_bytes()[:-1])
        case "dangling":  # a symbolic link into a cache that was cleared
            victim.unlink()
            victim.symlink_to(tmp_path / "gone")
        case _:
            shutil.copy(shards(directory)[3], victim)
    if not indexed:
        (directory / "index.parquet").unlink()
    report = extract(directory, wanted, MADE)
    assert (report.added, report.rewritten) == (lost, 1)
    assert [victim.name in reason for reason in report.unreadable] == [True] * (how != "removed")
    assert content(directory) == fresh(tmp_path, wanted, MADE)


@pytest.mark.parametrize("images", [51, 70, 30])
def test_a_broken_shard_that_must_be_copied_is_found_before_the_forward_passes(
    directory: Path, tmp_path: Path, images: int
) -> None:
    """Its name and size are as the index has them: the fault shows only when it is opened."""
    extract(directory, keys(range(50)), MADE)
    place = int(key(50)[0], 16) >> 1
    victim = next(path for path in shards(directory) if place_of(path.name)[0] == place)
    victim.write_bytes(bytes(victim.stat().st_size))
    report = extract(directory, keys(range(images)), MADE)
    assert [victim.name in reason for reason in report.unreadable] == [True]
    assert "computed anew" in str(report)
    assert content(directory) == fresh(tmp_path, keys(range(images)), MADE)


def test_shards_of_links_into_a_cache_are_replaced_and_the_cache_is_left(
    directory: Path, tmp_path: Path
) -> None:
    extract(directory, keys(range(50)), MADE)
    cache = tmp_path / "cache"
    shutil.copytree(directory, cache)
    kept = content(cache)
    for number, path in enumerate(sorted(directory.iterdir())):
        path.unlink()
        (path.symlink_to if number % 2 else path.hardlink_to)(cache / path.name)
        (cache / path.name).chmod(0o444)
    extract(directory, keys(range(90)), MADE)
    assert content(directory) == fresh(tmp_path, keys(range(90)), MADE)
    assert content(cache) == kept


def test_a_full_disk_keeps_what_was_written_and_says_what_is_needed(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    write = Path.write_bytes

    def filling(path: Path, data: bytes) -> int:
        if len(written) >= 3:
            write(path, data[:100])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(path)
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", filling)
    with pytest.raises(NoRoomError, match=r"it needs [\d,]+ bytes.* still to be written: about"):
        extract(directory, keys(range(50)), MADE)
    monkeypatch.undo()
    assert len(shards(directory)) == 3
    assert len(list(directory.iterdir())) == 3
    report = extract(directory, keys(range(50)), MADE)
    assert report.rewritten == report.shards - 3
    assert content(directory) == fresh(tmp_path, keys(range(50)), MADE)


@pytest.mark.parametrize("full", ["a copy", "the last copy", "the index", "the summary"])
def test_a_full_disk_in_a_reshard_leaves_a_store_that_is_whole_or_refused(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: str
) -> None:
    extract(directory, keys(range(70)), MADE)
    old = content(directory)
    copies = len(fresh(tmp_path, keys(range(50)), MADE)) - 2
    room = {"a copy": 2, "the last copy": copies - 1, "the index": copies}.get(full, copies + 1)
    calls = []
    write = Path.write_bytes

    def filling(path: Path, data: bytes) -> int:
        calls.append(path)
        if len(calls) > room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", filling)
    with pytest.raises(NoRoomError):
        extract(directory, keys(range(50)), MADE)  # half as many shards, whose rows are all copied
    monkeypatch.undo()
    if full == "the summary":
        with pytest.raises(PipelineError, match="does not belong to"):
            Reader(directory).check()
    else:
        assert old.items() <= content(directory).items()
        assert Reader(directory).keys == sorted(keys(range(70)))
    assert extract(directory, keys(range(50)), MADE).added == 0
    assert content(directory) == fresh(tmp_path, keys(range(50)), MADE)
