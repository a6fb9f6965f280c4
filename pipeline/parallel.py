"""Call a function over many items on threads: results come in order, and few wait in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")
R = TypeVar("R")


def map_in_order(
    function: Callable[[A], R],
    items: Iterable[A],
    *,
    workers: int,
    ahead: int,
    at_end: Callable[[], None] = lambda: None,
) -> Generator[R, None, None]:
    """Yield `function(item)` for each item, in the order of `items`.

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
