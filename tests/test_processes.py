"""Functions called in forked processes: their order, their lines, and every way to fail."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from multiprocessing import Pipe
from pathlib import Path

import psutil
import pytest

from pipeline.errors import PipelineError
from pipeline.parallel import Say, map_in_processes
from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def _no_fork_is_left() -> Iterator[None]:
    before = psutil.Process().children()
    yield
    assert psutil.Process().children() == before


def silent(line: str) -> None:
    raise AssertionError(line)


@pytest.mark.parametrize("processes", [1, 2, 3, 20])
def test_results_come_in_the_order_of_the_items(processes: int) -> None:
    results = map_in_processes(lambda n, _: n * n, range(7), processes=processes, say=silent)
    assert list(results) == [n * n for n in range(7)]
    assert list(map_in_processes(lambda n, _: n, [], processes=processes, say=silent)) == []


def test_the_first_result_comes_first_though_it_is_ready_last() -> None:
    here, there = Pipe()

    def work(n: int, _: Say) -> int:
        if n == 0:
            assert here.recv() == "the second is done"
        else:
            there.send("the second is done")
        return n

    assert list(map_in_processes(work, [0, 1], processes=2, say=silent)) == [0, 1]


def test_each_item_has_a_process_and_one_process_forks_nothing() -> None:
    def here(_: int, tell: Say) -> int:
        tell("begun")
        return os.getpid()

    told: list[str] = []
    found = list(map_in_processes(here, range(4), processes=2, say=told.append))
    assert len({os.getpid(), *found}) == 5
    assert told == ["begun"] * 4
    for items, processes in (([1, 2], 1), ([1], 8)):
        found = list(map_in_processes(here, items, processes=processes, say=told.append))
        assert found == [os.getpid()] * len(items)


def test_lines_are_told_as_they_come() -> None:
    ends = {n: Pipe() for n in (1, 2)}  # of one pipe, two readers would take parts of a message

    def work(n: int, tell: Say) -> None:
        tell(f"{n} waits")
        ends[n][1].recv()

    told: list[str] = []

    def say(line: str) -> None:
        told.append(line)
        if len(told) == 2:  # no process ends before both have spoken
            for here, _ in ends.values():
                here.send("go")

    assert list(map_in_processes(work, [1, 2], processes=2, say=say)) == [None, None]
    assert sorted(told) == ["1 waits", "2 waits"]


def forever(n: int, ended: object) -> int:
    """The first waits for a signal; the others do what they are told to."""
    if n == 0:
        signal.pause()
    assert callable(ended)
    ended()
    return n


def test_a_failure_is_raised_with_its_message_and_ends_the_others() -> None:
    def fail() -> None:
        raise PipelineError("posts.parquet: line 3 is\nno line")

    with pytest.raises(PipelineError, match=r"^posts.parquet: line 3 is\nno line$"):
        list(map_in_processes(lambda n, _: forever(n, fail), [0, 1], processes=2, say=silent))


def test_a_fault_of_the_program_is_told_with_its_traceback(capfd: pytest.CaptureFixture) -> None:
    def fail() -> None:
        raise ZeroDivisionError("of the program")

    with pytest.raises(RuntimeError, match="ended with status 1; its traceback stands above"):
        list(map_in_processes(lambda n, _: forever(n, fail), [0, 1], processes=2, say=silent))
    assert "ZeroDivisionError: of the program" in capfd.readouterr().err


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM"])
def test_a_signal_that_ends_a_process_is_named(name: str) -> None:
    def die() -> None:
        os.kill(os.getpid(), signal.Signals[name])

    with pytest.raises(PipelineError, match=rf"^{name} ended a process .* runtime\.processes"):
        list(map_in_processes(lambda n, _: forever(n, die), [0, 1], processes=2, say=silent))


def test_closing_ends_the_processes() -> None:
    before = len(psutil.Process().children())  # such as a browser that other tests opened
    results = map_in_processes(
        lambda n, _: n if n == 0 else signal.pause(), [0, 1, 2], processes=3, say=silent
    )
    with closing(results):
        assert next(results) == 0
        assert len(psutil.Process().children()) == before + 2


# Two processes say their numbers and wait.
PARENT = """
import os, signal, time
from pipeline.parallel import map_in_processes

def work(n, tell):
    tell(str(os.getpid()))
    while True:
        time.sleep(60)

list(map_in_processes(work, [1, 2], processes=2, say=lambda line: print(line, flush=True)))
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_no_process_outlives_its_parent(name: str, tmp_path: Path) -> None:
    """SIGINT reaches the whole group, as Ctrl-C does; the others reach the parent alone."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert parent.stdout is not None
    forks = [psutil.Process(int(parent.stdout.readline())) for _ in range(2)]
    send = os.killpg if name == "SIGINT" else os.kill
    send(parent.pid, signal.Signals[name])
    _, errors = parent.communicate()  # waits for the forks too, which hold the other end
    assert parent.returncode == -signal.Signals[name]
    assert errors.count("Traceback") == errors.count("KeyboardInterrupt") == (name == "SIGINT")
    for fork in forks:
        while fork.is_running() and fork.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
