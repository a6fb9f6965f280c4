"""A store is a function of its images and its fingerprint, whatever happened before.

A history is a list of runs, each with its own images and fingerprint. A run is killed at some
operation of the file system; then files are lost or broken, as DVC and people do it. Whatever the
history, the next whole run leaves the bytes that a single run in an empty folder leaves, and a
reader at any moment either refuses the store or reads the right rows.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from pipeline.errors import PipelineError
from pipeline.fingerprint import Fingerprint
from pipeline.store.reader import Reader
from tests.store.oracle import content, extract, fingerprint, keys, rows, shards

MADE = [fingerprint(1), fingerprint(2)]
IMAGES = st.one_of(
    st.integers(0, 70).map(range),  # grows and shrinks, by six numbers of shards
    st.sets(st.integers(0, 70), max_size=40),
)


class KilledError(BaseException):
    """The process dies here."""


class Killer:
    """Kills the run before operation `at` of the file system; no later one happens either."""

    def __init__(self, at: int | None) -> None:
        self.left = at
        self.lock = threading.Lock()

    def wrap(self, operation: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            with self.lock:
                if self.left is not None:
                    self.left -= 1
                    if self.left < 0:
                        if operation is WRITE and self.left == -1:
                            WRITE(args[0], args[1][: len(args[1]) // 2])  # half of it is written
                        raise KilledError
            return operation(*args, **kwargs)

        return run


WRITE = Path.write_bytes


@contextmanager
def killed_at(at: int | None) -> Iterator[None]:
    killer = Killer(at)
    with (
        mock.patch.object(Path, "write_bytes", killer.wrap(WRITE)),
        mock.patch.object(os, "replace", killer.wrap(os.replace)),
        mock.patch.object(os, "unlink", killer.wrap(os.unlink)),
        mock.patch.object(os, "fsync", killer.wrap(mock.Mock())),
    ):
        try:
            yield
        except KilledError:
            event("killed")


@dataclass
class Run:
    images: list[int]
    made: Fingerprint
    batch: int
    killed: int | None  # the operation at which it is killed
    accident: str
    victim: int  # the shard that meets the accident

    def happen(self, directory: Path) -> None:
        with killed_at(self.killed):
            extract(directory, keys(self.images), self.made, self.batch)
        files = shards(directory) if directory.exists() else []
        path = files[self.victim % len(files)] if files else directory / "index.parquet"
        if not path.exists():
            return
        event(self.accident)
        match self.accident:
            case "a shard is lost":
                path.unlink()
            case "a shard is cut off":
                path.write_bytes(path.read_bytes()[:-1])
            case "the index is lost":
                (directory / "index.parquet").unlink(missing_ok=True)
            case "the summary is lost":
                (directory / "store.json").unlink(missing_ok=True)
            case "a shard is overwritten by another":
                # an index would vouch for a file of the same length, which readers then refuse
                (directory / "index.parquet").unlink(missing_ok=True)
                if files and files[0] != path:
                    shutil.copy(files[0], path)


RUNS = st.builds(
    Run,
    images=IMAGES.map(sorted),
    made=st.sampled_from(MADE),
    batch=st.integers(1, 9),
    killed=st.none() | st.integers(0, 25) | st.integers(0, 120),
    accident=st.sampled_from(
        [
            "nothing",
            "nothing",
            "nothing",
            "a shard is lost",
            "a shard is cut off",
            "the index is lost",
            "the summary is lost",
            "a shard is overwritten by another",
        ]
    ),
    victim=st.integers(0, 31),
)


def read(directory: Path) -> None:
    """Check that a store that is not refused holds the rows that it claims."""
    reader = Reader(directory)
    try:
        reader.check()
        found = {name: reader.rows(name, reader.keys) for name in reader.outputs}
    except PipelineError:
        event("refused")
        return
    event("read")
    for name, array in found.items():
        assert array.tobytes() == rows(reader.fingerprint, name, reader.keys).tobytes()


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.lists(RUNS, min_size=1, max_size=5), IMAGES.map(sorted), st.sampled_from(MADE))
def test_whatever_happened_the_bytes_are_those_of_one_run(
    history: list[Run], images: list[int], made: Fingerprint
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        grown, single = Path(folder) / "grown", Path(folder) / "single"
        for run in history:
            run.happen(grown)
            read(grown)
        extract(grown, keys(images), made)
        extract(single, keys(images), made)
        assert content(grown) == content(single)
        assert Reader(grown).keys == sorted(keys(images))
        read(grown)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(1, 60), st.integers(0, 250))
def test_after_a_kill_every_shard_that_was_there_is_used(images: int, killed: int) -> None:
    """The next run computes only rows that no whole shard holds."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "store"
        with killed_at(killed):
            extract(directory, keys(range(images)), MADE[0], batch=1)
        there = len(shards(directory))
        report = extract(directory, keys(range(images)), MADE[0])
        assert report.rewritten == report.shards - there
        assert report.unreadable == ()
