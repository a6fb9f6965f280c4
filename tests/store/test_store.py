import os
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.errors import PipelineError
from pipeline.fingerprint import Output
from pipeline.store.keys import place_of
from pipeline.store.reader import Reader
from pipeline.store.store import Report, Store
from tests.store.oracle import content, extract, fingerprint, fresh, key, keys, rows, shards

MADE, OTHER = fingerprint(1), fingerprint(2)


def test_what_lies_in_the_directory(directory: Path) -> None:
    report = extract(directory, keys(range(20)), MADE)
    names = [path.name for path in shards(directory)]
    assert report == Report(20, len(names), 20, 0, len(names), 0, ())
    assert {path.name for path in directory.iterdir()} == {*names, "index.parquet", "store.json"}
    assert {place_of(name)[1] for name in names} == {4}
    table = pq.read_table(directory / "index.parquet").to_pylist()
    assert [line["sha256"] for line in table] == sorted(keys(range(20)))
    assert all(int(line["sha256"][0], 16) >> 2 == place_of(line["shard"])[0] for line in table)
    assert all(line["bytes"] == (directory / line["shard"]).stat().st_size for line in table)
    assert not directory.with_name("tags.lock").exists()


@pytest.mark.parametrize("batch", [1, 2, 5, 100])
def test_neither_batches_nor_the_order_of_the_images_matter(
    directory: Path, tmp_path: Path, batch: int
) -> None:
    wanted = keys(range(50))
    extract(directory, [*reversed(wanted), *wanted[:3]], MADE, batch)
    assert content(directory) == fresh(tmp_path, wanted, MADE)


def test_a_run_with_nothing_to_do_touches_nothing(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extract(directory, keys(range(50)), MADE)
    before = {path: path.stat().st_mtime_ns for path in directory.iterdir()}

    def opened(*_: object) -> None:
        pytest.fail("a shard was opened, although the index knows it")

    monkeypatch.setattr("pipeline.store.inventory.read_header", opened)
    report = extract(directory, keys(range(50)), MADE)
    assert (report.rows, report.added, report.removed, report.rewritten) == (50, 0, 0, 0)
    assert {path: path.stat().st_mtime_ns for path in directory.iterdir()} == before


def test_one_more_image_changes_one_shard(directory: Path, tmp_path: Path) -> None:
    extract(directory, keys(range(50)), MADE)
    before = content(directory)
    report = extract(directory, keys(range(51)), MADE)
    after = content(directory)
    assert (report.added, report.removed, report.rewritten) == (1, 0, 1)
    gone, come = before.keys() - after.keys(), after.keys() - before.keys()
    assert [place_of(name) for name in gone] == [place_of(name) for name in come]
    assert len(come) == 1
    changed = {name for name in before.keys() & after.keys() if before[name] != after[name]}
    assert changed == {"index.parquet", "store.json"}
    assert after == fresh(tmp_path, keys(range(51)), MADE)


@pytest.mark.parametrize("steps", [[8, 9, 70, 8, 1, 0, 33], [130, 3, 129, 65, 64], [0, 1]])
def test_growing_and_shrinking_leads_to_the_same_bytes(
    directory: Path, tmp_path: Path, steps: list[int]
) -> None:
    have = 0
    for images in steps:
        report = extract(directory, keys(range(images)), MADE)
        assert report.added == max(0, images - have)  # no row is ever computed again
        assert report.removed == max(0, have - images)
        assert content(directory) == fresh(tmp_path, keys(range(images)), MADE)
        have = images


def test_a_failed_image_has_no_row_and_is_missing_again(directory: Path, tmp_path: Path) -> None:
    failed = keys([3, 7])
    assert extract(directory, keys(range(33)), MADE, without=failed).rows == 31
    assert content(directory) == fresh(
        tmp_path, [k for k in keys(range(33)) if k not in failed], MADE
    )
    with Store(directory, MADE) as store:
        assert list(store.missing(keys(range(33)))) == sorted(failed)
    assert extract(directory, keys(range(33)), MADE).added == 2
    assert content(directory) == fresh(tmp_path, keys(range(33)), MADE)


def test_a_wanted_image_without_a_row_is_an_error(directory: Path) -> None:
    with Store(directory, MADE) as store:
        first, *others = store.missing(keys(range(3)))
        store.add(others, {name: rows(MADE, name, others) for name in MADE.outputs})
        with pytest.raises(PipelineError, match=f"1 wanted rows .* is {first}"):
            store.finish()


def test_another_fingerprint_is_never_mixed_and_removed_only_at_the_end(
    directory: Path, tmp_path: Path
) -> None:
    extract(directory, keys(range(40)), OTHER)
    old = content(directory)
    with Store(directory, MADE) as store:
        todo = store.missing(keys(range(40)))
        assert list(todo) == sorted(keys(range(40)))
        part = todo[:20]
        store.add(part, {name: rows(MADE, name, part) for name in MADE.outputs})
    assert old.items() <= content(directory).items()  # the old store is still whole
    assert len(Reader(directory)) == 40
    assert Reader(directory).fingerprint == OTHER
    report = extract(directory, keys(range(40)), MADE)
    complete = [k for k in part if int(k[0], 16) >> 1 < int(part[-1][0], 16) >> 1]
    assert (report.added, report.removed) == (40 - len(complete), 0)
    assert report.foreign == len([name for name in old if name.endswith(".h5")])
    assert content(directory) == fresh(tmp_path, keys(range(40)), MADE)


def test_an_interrupt_loses_only_the_shard_in_hand(directory: Path) -> None:
    wanted = sorted(keys(range(60)))
    handed = wanted[:37]

    def interrupted() -> None:
        with Store(directory, MADE) as store:
            store.missing(wanted)
            store.add(handed, {name: rows(MADE, name, handed) for name in MADE.outputs})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not (directory / "index.parquet").exists()
    in_hand = [k for k in wanted if int(k[:2], 16) >> 5 == int(handed[-1][:2], 16) >> 5]
    assert in_hand[-1] not in handed  # its shard is not complete
    with Store(directory, MADE) as store:
        assert list(store.missing(wanted)) == [k for k in wanted if k not in handed or k in in_hand]
    with pytest.raises(PipelineError, match="no feature store"):
        Reader(directory).check()


def test_a_second_writer_is_refused(directory: Path) -> None:
    with (
        Store(directory, MADE),
        pytest.raises(PipelineError, match=rf"tags: process {os.getpid()} is writing"),
        Store(directory, OTHER),
    ):
        pytest.fail("entered twice")
    with Store(directory, MADE):
        pass


def test_the_lock_is_that_of_the_directory_and_not_of_its_name(
    directory: Path, tmp_path: Path
) -> None:
    directory.mkdir(parents=True)
    (tmp_path / "alias").symlink_to(directory)
    with (
        Store(directory, MADE),
        pytest.raises(PipelineError, match="is writing"),
        Store(tmp_path / "alias", MADE),
    ):
        pytest.fail("entered twice")


def test_a_directory_of_something_else_is_left_alone(directory: Path) -> None:
    directory.mkdir(parents=True)
    (directory / "thesis.tex").write_text("precious")
    (directory / ("000000-of-000001." + "0" * 16 + ".h5")).mkdir()
    with pytest.raises(PipelineError, match=r"also holds 000000-of.*, thesis\.tex; move that away"):
        extract(directory, keys(range(3)), MADE)
    assert (directory / "thesis.tex").read_text() == "precious"
    assert not directory.with_name("tags.lock").exists()


def test_a_file_in_the_place_of_the_directory(directory: Path) -> None:
    directory.parent.mkdir(parents=True)
    directory.write_text("")
    with pytest.raises(PipelineError, match="a file stands where"):
        extract(directory, keys(range(3)), MADE)


def test_what_a_dead_process_left_half_written_is_removed(directory: Path, tmp_path: Path) -> None:
    extract(directory, keys(range(9)), MADE)
    for name in (".123.tmp.index.parquet", f".99999.tmp.{shards(directory)[0].name}"):
        (directory / name).write_bytes(b"half")
    extract(directory, keys(range(9)), MADE)
    assert content(directory) == fresh(tmp_path, keys(range(9)), MADE)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda k, a: (k[::-1], a), "out of order"),
        (lambda k, a: ([key(99), *k[1:]], a), "is not missing"),
        (lambda k, a: ([k[0], k[0], k[2]], a), "out of order"),
        (lambda k, a: (k, {"logits": a["logits"]}), "declared"),
        (lambda k, a: (k[:2], a), "declared"),
        (lambda k, a: (k, {**a, "logits": a["logits"].astype(np.float64)}), "float64"),
        (lambda k, a: (k, {**a, "logits": a["logits"][:, :4]}), r"\(3, 4\)"),
    ],
)
def test_rows_that_do_not_fit_are_refused(directory: Path, change: object, message: str) -> None:
    with Store(directory, MADE) as store:
        todo = store.missing(keys(range(9)))[:3]
        arrays = {name: rows(MADE, name, todo) for name in MADE.outputs}
        with pytest.raises(ValueError, match=message):
            store.add(*change(todo, arrays))


def test_calls_out_of_order_are_refused(directory: Path) -> None:
    store = Store(directory, MADE)
    with pytest.raises(ValueError, match="inside its with block"):
        store.missing([])
    with store:
        with pytest.raises(ValueError, match="missing comes first"):
            store.finish()
        store.missing([])
        with pytest.raises(ValueError, match="called once"):
            store.missing([])


def test_a_batch_may_be_overwritten_once_it_was_handed_in(directory: Path, tmp_path: Path) -> None:
    with Store(directory, MADE) as store:
        for k in store.missing(keys(range(20))):
            batch = {name: rows(MADE, name, [k]) for name in MADE.outputs}
            store.add([k], batch)
            for array in batch.values():
                array[:] = 0
        store.finish()
    assert content(directory) == fresh(tmp_path, keys(range(20)), MADE)


def test_resharding_holds_a_few_shards_in_memory(directory: Path) -> None:
    made = fingerprint(wide=Output((2048,), "float32"))  # 8 KiB a row
    total = 1000 * 8192
    extract(directory, keys(range(1000)), made, batch=64)
    tracemalloc.start()
    report = extract(directory, keys(range(500)), made)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (report.added, report.rewritten) == (0, report.shards)
    assert peak < total / 4
