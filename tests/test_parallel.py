import threading
from collections.abc import Iterator

import pytest

from pipeline.parallel import map_in_order


def test_results_come_in_the_order_of_the_items_though_the_first_ends_last() -> None:
    fourth = threading.Event()

    def held(n: int) -> int:
        if n == 0:
            fourth.wait()
        if n == 3:
            fourth.set()
        return n * n

    squares = map_in_order(held, range(20), workers=4, ahead=8)
    assert list(squares) == [n * n for n in range(20)]


def test_no_more_than_asked_for_is_begun_ahead() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for n in range(1000):
            taken.append(n)
            yield n

    results = map_in_order(lambda n: n, items(), workers=3, ahead=5)
    for n, _ in zip(range(10), results, strict=False):
        assert len(taken) == n + 1 + 5
    results.close()
    assert len(taken) == 10 + 5


def test_an_error_comes_at_its_place_and_ends_the_loop() -> None:
    results = map_in_order(lambda n: 1 // (3 - n), range(10), workers=2, ahead=4)
    assert [next(results) for _ in range(3)] == [0, 0, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)
    with pytest.raises(StopIteration):
        next(results)


def test_no_thread_outlives_the_loop() -> None:
    before = threading.active_count()
    results = map_in_order(lambda n: n, range(100), workers=4, ahead=10)
    next(results)
    assert threading.active_count() > before
    results.close()
    assert threading.active_count() == before
