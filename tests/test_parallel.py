import threading
import time

import pytest

from pipeline.parallel import map_in_order


def test_results_come_in_the_order_of_the_items_though_the_first_takes_longest() -> None:
    def slow(n: int) -> int:
        time.sleep(0.05 if n == 0 else 0)
        return n * n

    squares = map_in_order(slow, range(20), workers=4, ahead=8)
    assert list(squares) == [n * n for n in range(20)]


def test_no_more_than_asked_for_is_begun_ahead() -> None:
    begun: list[int] = []
    results = map_in_order(lambda n: begun.append(n), iter(range(1000)), workers=3, ahead=5)
    for n, _ in zip(range(10), results, strict=False):
        time.sleep(0.005)
        assert len(begun) <= n + 1 + 5
    results.close()
    assert len(begun) < 20


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
