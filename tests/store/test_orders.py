"""Shards that workers write have the same bytes, whether they do it once or twice."""

import pickle
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.files import NoRoomError
from pipeline.store.keys import pack
from pipeline.store.orders import Order, carry_out
from pipeline.store.store import Report, Store
from tests.store.oracle import content, extract, fingerprint, fresh, keys, rows

MADE = fingerprint()


def carried_out(order: Order) -> list[object]:
    """Do what a worker on another machine does with an order."""
    sent: Order = pickle.loads(pickle.dumps(order))
    missing = list(sent.missing)
    arrays = {name: rows(MADE, name, missing) for name in MADE.outputs}
    return [pickle.loads(pickle.dumps(carry_out(sent, MADE, (pack(missing), arrays))))]


def by_others(directory: Path, wanted: list[str]) -> tuple[Report, int]:
    """Fill a store by orders, which are carried out from the last to the first, each twice."""
    with Store(directory, MADE) as store:
        missing = store.missing(wanted)
        orders = list(store.orders())
        assert [key for order in orders for key in order.missing] == list(missing)
        for order in reversed(orders):
            carried_out(order)
            store.receive(carried_out(order))
        return store.finish(), len(orders)


@pytest.mark.parametrize(("before", "after"), [(0, 1), (0, 130), (20, 130), (60, 64), (130, 60)])
def test_orders_give_the_bytes_of_a_store_that_was_filled_here(
    tmp_path: Path, before: int, after: int
) -> None:
    directory = tmp_path / "store"
    extract(directory, keys(range(before)), MADE)
    report, orders = by_others(directory, keys(range(after)))
    assert content(directory) == fresh(tmp_path, keys(range(after)), MADE)
    assert report.added == max(after - before, 0)
    assert report.rewritten >= orders
    assert (orders == 0) == (after <= before)


def test_what_a_killed_worker_left_is_swept(tmp_path: Path) -> None:
    directory = tmp_path / "store"
    with Store(directory, MADE) as store:
        store.missing(keys(range(5)))
        for order in store.orders():
            store.receive(carried_out(order))
        (directory / ".4711.tmp.000000-of-000001.0123456789abcdef.h5").write_bytes(b"half")
        store.finish()
    assert content(directory) == fresh(tmp_path, keys(range(5)), MADE)


def test_an_order_that_was_not_carried_out_is_no_store(tmp_path: Path) -> None:
    with Store(tmp_path / "store", MADE) as store:
        store.missing(keys(range(40)))
        for order in list(store.orders())[1:]:
            store.receive(carried_out(order))
        with pytest.raises(PipelineError, match="wanted rows are not there"):
            store.finish()


def test_a_full_disk_at_a_worker_says_what_the_whole_run_needs(tmp_path: Path) -> None:
    with Store(tmp_path / "store", MADE) as store:
        store.missing(keys(range(40)))
        with pytest.raises(NoRoomError, match=r"40 rows in \d+ shards are still"), store.room():
            raise NoRoomError("no room at a worker.")
