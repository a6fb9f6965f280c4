"""Kill real processes."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.store.keys import unpack
from pipeline.store.reader import Reader
from pipeline.store.shard import read_keys
from pipeline.store.store import Store
from tests.store.oracle import content, extract, fingerprint, keys, shards

ROOT = Path(__file__).parent.parent.parent
MADE = fingerprint()
WRITE = """
import os, signal, sys, threading
from pathlib import Path
import pipeline.files
from tests.store.oracle import extract, fingerprint, keys
directory, images, last, then = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
sync, lock, done = pipeline.files.sync, threading.Lock(), 0
def counted(path):
    global done
    with lock:
        done += 1
        if done == last and then == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if done == last:
            print("held", flush=True)
            sys.stdin.read()  # until the test ends it
    sync(path)
pipeline.files.sync = counted
extract(directory, keys(range(images)), fingerprint(), batch=1)
"""


def start(directory: Path, images: int, last: int, then: str) -> subprocess.Popen[str]:
    """Extract in another process, which dies or is held when it syncs a file the `last` time."""
    command = [sys.executable, "-c", WRITE, str(directory), str(images), str(last), then]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


@pytest.mark.parametrize(
    ("before", "after", "last"),
    [
        (0, 130, 1),  # the first shard has no name yet
        (0, 130, 30),
        (60, 130, 25),  # it grows: shards of two sizes lie side by side
        (130, 60, 9),  # it shrinks: all rows of new shards are copied
        (130, 60, 18),  # the index is new, store.json is old
        (130, 60, 20),  # both are new, nothing was removed yet
    ],
)
def test_after_a_kill_the_next_run_goes_on_and_ends_in_the_same_bytes(
    tmp_path: Path, before: int, after: int, last: int
) -> None:
    directory = tmp_path / "tags"
    extract(directory, keys(range(before)), MADE)
    killed = start(directory, after, last, "die")
    assert (killed.communicate()[1], killed.returncode) == ("", -signal.SIGKILL)
    there = shards(directory)
    kept = {key for path in there for key in unpack(read_keys(path, MADE.digest))}
    match last:
        case 18:
            with pytest.raises(PipelineError, match="does not belong to"):
                Reader(directory).check()
        case 20:
            assert Reader(directory).keys == sorted(keys(range(after)))
        case _:
            assert Reader(directory).keys == sorted(keys(range(before)))  # still the old store
    report = extract(directory, keys(range(after)), MADE)
    assert report.added == len(set(keys(range(after))) - kept)
    assert report.unreadable == ()
    extract(tmp_path / "single", keys(range(after)), MADE)
    assert content(directory) == content(tmp_path / "single")


def test_a_second_process_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    directory = tmp_path / "tags"
    first = start(directory, 100, 9, "hold")
    assert first.stdout is not None
    try:
        assert first.stdout.readline() == "held\n"
        with (
            pytest.raises(PipelineError, match=re.escape(f"process {first.pid} is writing")),
            Store(directory, MADE),
        ):
            pytest.fail("entered beside a living writer")
    finally:
        first.kill()
        first.communicate()
