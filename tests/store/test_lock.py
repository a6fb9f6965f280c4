import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.store.lock import locked

ROOT = Path(__file__).parent.parent.parent
HOLD = """
import sys
from pathlib import Path
from pipeline.store.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()  # until the test ends it
"""
CONTEND = """
import os, sys, time
from pathlib import Path
from pipeline.errors import PipelineError
from pipeline.store.lock import locked
directory, inside = Path(sys.argv[1]), Path(sys.argv[2])
entered = 0
print("ready", flush=True)
sys.stdin.readline()  # until all are
while entered < 50:
    try:
        with locked(directory):
            os.close(os.open(inside, os.O_CREAT | os.O_EXCL))  # fails if another is inside
            os.unlink(inside)
            entered += 1
    except PipelineError:
        time.sleep(0.0005)
"""


def start(code: str, *args: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, args)]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(process: subprocess.Popen[str]) -> str:
    """Wait for the next line that a process prints."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_second_holder_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    with locked(tmp_path / "store"):
        assert (tmp_path / "store.lock").read_text() == f"{os.getpid()}\n"
        with (
            pytest.raises(PipelineError, match=rf"store: process {os.getpid()} is writing"),
            locked(tmp_path / "store"),
        ):
            pytest.fail("entered twice")
    assert not list(tmp_path.iterdir())


def test_the_lock_dies_with_its_holder(tmp_path: Path) -> None:
    holder = start(HOLD, tmp_path / "store")
    assert said(holder) == "held"
    with (
        pytest.raises(PipelineError, match=f"process {holder.pid} is writing"),
        locked(tmp_path / "store"),
    ):
        pytest.fail("entered beside a living holder")
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    assert (tmp_path / "store.lock").exists()
    with locked(tmp_path / "store"):
        pass


def test_never_two_at_once_though_the_file_comes_and_goes(tmp_path: Path) -> None:
    crowd = [start(CONTEND, tmp_path / "store", tmp_path / "inside") for _ in range(3)]
    assert [said(process) for process in crowd] == ["ready"] * 3
    for process in crowd:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    errors = [process.communicate()[1] for process in crowd]
    assert errors == ["", "", ""]
    assert not list(tmp_path.iterdir())


def test_a_file_that_was_removed_between_open_and_lock_guards_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Just then its holder leaves, and a third process takes a new file of the same name."""
    path = tmp_path / "store.lock"
    third = []
    flock = fcntl.flock

    def meanwhile(descriptor: int, how: int) -> None:
        if not third:
            path.unlink()
            third.append(path.open("w"))
            third[0].write("4321")
            third[0].flush()
            flock(third[0], how)
        flock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", meanwhile)
    with (
        pytest.raises(PipelineError, match="process 4321 is writing"),
        locked(tmp_path / "store"),
    ):
        pytest.fail("entered beside the third")
    third[0].close()
