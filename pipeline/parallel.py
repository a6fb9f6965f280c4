"""Call a function over many items side by side: results come in the order of the items."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from multiprocessing.connection import Connection, wait
from typing import Generic, TypeVar

from pipeline.errors import PipelineError

A = TypeVar("A")
R = TypeVar("R")
Say = Callable[[str], None]


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


def map_in_order(
    function: Callable[[A], R],
    items: Iterable[A],
    *,
    workers: int,
    ahead: int,
    at_end: Callable[[], None] = lambda: None,
) -> Generator[R, None, None]:
    """Yield `function(item)` for each item, in the order of `items`, computed on threads.

    Threads help where `function` releases the interpreter's lock, as reading, hashing and decoding
    do. At most `ahead` items are begun beyond the one whose result is awaited, whatever the number
    of items. An exception of `function` is raised at its place in the order and ends the loop, as
    closing the generator does. At the end `at_end` is called, and then the threads are waited for.
    """
    waiting: deque[Future[R]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="map_in_order")
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        at_end()
        pool.shutdown(wait=True, cancel_futures=True)


def map_in_processes(
    function: Callable[[A, Say], R], items: Sequence[A], *, processes: int, say: Say
) -> Generator[R, None, None]:
    """Yield `function(item, say)` for each item, in the order of `items`, computed in forks.

    A fork inherits all that this process holds; its result alone is pickled. What it says is told
    here, as it comes. With one process, or one item, nothing is forked. No fork outlives the
    generator: not if it is closed, nor if a fork fails, nor if this process is killed.

    Args:
        function: called once for each item.
        items: they need not be picklable.
        processes: at most so many run at once.
        say: is told a line at a time.

    Raises:
        PipelineError: the first that a fork raises, with its message; or if a signal ends a fork.
        RuntimeError: if a fork ends by any other exception, whose traceback it has printed.
    """
    if min(processes, len(items)) <= 1:
        for item in items:
            yield function(item, say)
        return
    running: list[_Fork[R]] = []
    results: dict[int, R] = {}
    begun = 0
    try:
        for place in range(len(items)):
            while place not in results:
                while begun < len(items) and len(running) < processes:
                    running.append(_Fork(begun, partial(function, items[begun])))
                    begun += 1
                ready = wait([fork.pipe for fork in running])
                for fork in [fork for fork in running if fork.pipe in ready]:
                    if fork.ended(say):
                        results[fork.place] = fork.result
                        running.remove(fork)
            yield results.pop(place)
    finally:
        for fork in running:
            fork.kill()


class _Fork(Generic[R]):
    """A forked process that computes one result; its pipe brings its lines, then the result.

    Args:
        place: the place of its item.
        call: is called in the fork.
    """

    result: R

    def __init__(self, place: int, call: Callable[[Say], R]) -> None:
        self.place = place
        context = multiprocessing.get_context("fork")
        self.pipe, theirs = context.Pipe(duplex=False)
        self._process = context.Process(target=_work, args=(call, theirs), daemon=True)
        self._process.start()
        theirs.close()  # now the pipe ends when the fork does

    def ended(self, say: Say) -> bool:
        """Take the next message, and return whether it was the result.

        Raises:
            PipelineError: that of the fork, or if a signal ended it.
            RuntimeError: if it ended without a result.
        """
        try:
            kind, value = self.pipe.recv()
        except (EOFError, OSError):  # OSError: it ended within a message
            self._process.join()
            raise _death(self._process.exitcode or 0) from None
        if kind == "line":
            say(value)
            return False
        self._process.join()
        if kind == "fault":
            raise PipelineError(value)
        self.result = value
        return True

    def kill(self) -> None:
        """End the process, and wait until it is gone."""
        self._process.kill()
        self._process.join()


def _work(call: Callable[[Say], object], pipe: Connection) -> None:
    """What a fork does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, which kills forks
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        pipe.send(("result", call(lambda line: pipe.send(("line", line)))))
    except PipelineError as error:
        pipe.send(("fault", str(error)))


def _end_with_parent() -> None:
    """Wait until the parent is gone, even by a signal that it could not handle, and end."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _death(status: int) -> Exception:
    """The error for a fork that ended without a result, by its exit status."""
    if status < 0:
        name = signal.Signals(-status).name
        return PipelineError(
            f"{name} ended a process that computed beside others; if memory ran out, lower "
            "runtime.processes in params.yaml"
        )
    return RuntimeError(f"a process ended with status {status}; its traceback stands above")
