"""A whole store is read right by one reader, threads, forked and pickled ones."""

import multiprocessing
import pickle
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import PipelineError
from pipeline.store import reader as module
from pipeline.store.reader import Reader
from tests.store.oracle import content, extract, fingerprint, key, keys, rows, shards

MADE = fingerprint(1)
WANTED = keys(range(60))  # the images of the fixture `written`


def picks(count: int = 200) -> list[str]:
    """Keys in random order, many of them repeated."""
    return [WANTED[at] for at in np.random.default_rng(0).integers(0, len(WANTED), count)]


@pytest.mark.parametrize("mapped", [1, 3, 256])
def test_rows_are_those_that_were_written(
    written: Path, monkeypatch: pytest.MonkeyPatch, mapped: int
) -> None:
    monkeypatch.setattr(module, "MAPPED", mapped)
    reader = Reader(written)
    for name, output in MADE.outputs.items():
        for wanted in ([], picks(1), picks(), sorted(WANTED), WANTED[::-1]):
            found = reader.rows(name, wanted)
            assert found.shape == (len(wanted), *output.shape)
            assert found.dtype == np.dtype(output.dtype)
            assert found.flags.writeable
            assert found.tobytes() == rows(MADE, name, wanted).tobytes()
        assert reader.row(name, WANTED[5]).tobytes() == rows(MADE, name, WANTED[5:6]).tobytes()
        assert reader.row(name, WANTED[5]).shape == output.shape


def test_what_a_store_says_of_itself(written: Path) -> None:
    reader = Reader(written)
    assert reader.keys == sorted(WANTED)
    assert len(reader) == 60
    assert reader.fingerprint == MADE
    assert reader.outputs == MADE.outputs
    assert WANTED[0] in reader
    assert all(absent not in reader for absent in (key(99), "", "A" * 64, 7, None))


def test_nothing_is_opened_before_the_first_use(tmp_path: Path) -> None:
    reader = Reader(tmp_path / "absent")
    with pytest.raises(PipelineError, match=r"absent: no feature store"):
        len(reader)


def test_an_empty_store(tmp_path: Path) -> None:
    extract(tmp_path / "empty", [], MADE)
    reader = Reader(tmp_path / "empty")
    assert (len(reader), reader.keys, WANTED[0] in reader) == (0, [], False)
    assert reader.rows("grid", []).shape == (0, 2, 3)
    with pytest.raises(PipelineError, match="no row for 1 of 1 keys"):
        reader.row("grid", WANTED[0])


def test_an_unknown_output_or_image_is_named(written: Path) -> None:
    with pytest.raises(PipelineError, match="holds no output 'pooled', only grid, logits"):
        Reader(written).rows("pooled", WANTED)
    with pytest.raises(PipelineError, match=f"no row for 2 of 3 keys, the first is {key(98)}"):
        Reader(written).rows("grid", [WANTED[0], key(98), key(99)])


def test_a_pickled_reader_starts_afresh(written: Path) -> None:
    reader = Reader(written)
    unused = pickle.loads(pickle.dumps(reader))
    reader.rows("grid", WANTED)
    used = pickle.loads(pickle.dumps(reader))
    assert len(pickle.dumps(reader)) < 500  # it holds the path and not the index
    for copy in (unused, used):
        assert copy.rows("grid", picks()).tobytes() == rows(MADE, "grid", picks()).tobytes()


def _forked(reader: Reader, wanted: list[str], answers: "multiprocessing.Queue[bytes]") -> None:
    answers.put(b"".join(reader.rows("grid", wanted[at::7]).tobytes() for at in range(7)))


def test_forked_processes_and_their_parent_read_at_once(written: Path) -> None:
    """Forked processes share the position of an open file, so that seeking would mix rows."""
    reader = Reader(written)
    reader.rows("grid", WANTED)
    context = multiprocessing.get_context("fork")
    answers: multiprocessing.Queue[bytes] = context.Queue()
    wanted = picks(2000)
    expected = b"".join(rows(MADE, "grid", wanted[at::7]).tobytes() for at in range(7))
    children = [context.Process(target=_forked, args=(reader, wanted, answers)) for _ in range(3)]
    for child in children:
        child.start()
    found = [b"".join(reader.rows("grid", wanted[at::7]).tobytes() for at in range(7))]
    found += [answers.get(timeout=600) for _ in children]
    for child in children:
        child.join()
    assert found == [expected] * 4


def test_threads_may_share_a_reader(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With two mappings at most, each thread drops what others have just mapped."""
    monkeypatch.setattr(module, "MAPPED", 2)
    reader = Reader(written)
    wanted = picks(300)
    expected = rows(MADE, "grid", wanted).tobytes()
    wrong = []

    def work() -> None:
        for _ in range(5):
            if reader.rows("grid", wanted).tobytes() != expected:
                wrong.append(threading.get_ident())

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_no_file_stays_open_and_few_are_mapped(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAPPED", 3)

    def mapped() -> int:
        return Path("/proc/self/maps").read_text().count(str(written))

    reader = Reader(written)
    assert mapped() == 0
    reader.rows("grid", WANTED)
    assert len(shards(written)) > 3
    assert 0 < mapped() <= 3
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    assert not [link for link in links if str(written) in str(link.readlink())]
    del reader
    assert mapped() == 0


def test_a_shard_is_opened_as_hdf5_once(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAPPED", 1)
    opened: list[Path] = []
    read = module.read_header

    def spy(path: Path, *args: object) -> object:
        opened.append(path)
        return read(path, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "read_header", spy)
    reader = Reader(written)
    reader.rows("grid", WANTED[:1])
    assert len(opened) == 1
    for name in MADE.outputs:
        for wanted in WANTED:
            reader.row(name, wanted)
    assert sorted(opened) == shards(written)


def test_reading_changes_nothing(written: Path, tmp_path: Path) -> None:
    directory = Path(shutil.copytree(written, tmp_path / "tags"))
    before = content(directory), {p: p.stat().st_mtime_ns for p in directory.iterdir()}
    for path in directory.iterdir():
        path.chmod(0o444)
    Reader(directory).rows("grid", WANTED)
    assert (content(directory), {p: p.stat().st_mtime_ns for p in directory.iterdir()}) == before
