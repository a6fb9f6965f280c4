"""What must hold at a million images, at sizes that a test can afford."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PipelineError
from pipeline.fingerprint import Output
from pipeline.store import index as index_module
from pipeline.store import keys as keys_module
from pipeline.store.index import _stretches, read_index
from pipeline.store.keys import Hexadecimal, pack, unique
from pipeline.store.reader import Reader
from pipeline.store.shelf import Pile, Shelf
from tests.store.oracle import content, extract, fingerprint, fresh, key, keys

MADE = fingerprint()
SMALL = fingerprint(one=Output((), "uint8"))


@pytest.fixture
def parts_of_seven(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is done for many keys at a time is done for seven."""
    for module in (keys_module, index_module):
        monkeypatch.setattr(module, "CHUNK", 7)
    monkeypatch.setattr(index_module, "READ", 3)


@pytest.mark.usefixtures("parts_of_seven")
@pytest.mark.parametrize("steps", [[100], [40, 130, 60], [9, 8, 0]])
def test_a_store_in_parts_is_the_same_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: list[int]
) -> None:
    for images in steps:
        extract(tmp_path / "parts", keys(range(images)), MADE)
    found = content(tmp_path / "parts")
    rows = pq.read_table(tmp_path / "parts" / "index.parquet")
    reader = Reader(tmp_path / "parts")
    assert reader.keys == sorted(keys(range(steps[-1])))
    monkeypatch.undo()
    whole = fresh(tmp_path, keys(range(steps[-1])), MADE)
    assert {name: found[name] for name in whole if name != "index.parquet"} == {
        name: whole[name] for name in whole if name != "index.parquet"
    }
    extract(tmp_path / "whole", keys(range(steps[-1])), MADE)
    assert rows.equals(pq.read_table(tmp_path / "whole" / "index.parquet"))


@pytest.mark.usefixtures("parts_of_seven")
@pytest.mark.parametrize("at", range(40))
def test_a_wrong_row_is_found_in_whatever_part(tmp_path: Path, at: int) -> None:
    extract(tmp_path, keys(range(40)), MADE)
    table = pq.read_table(tmp_path / "index.parquet")
    for column in ("row", "bytes"):
        values = table[column].to_numpy().copy()
        values[at] += 1
        field = table.schema.field(column)
        edited = table.set_column(table.schema.get_field_index(column), field, [values])
        pq.write_table(edited, tmp_path / "index.parquet", store_schema=False)
        with pytest.raises(PipelineError, match="do not go together"):
            read_index(tmp_path)


@given(st.lists(st.integers(1, 20), max_size=30), st.integers(1, 30))
def test_stretches_hold_each_shard_once_and_few_rows(counts: list[int], chunk: int) -> None:
    starts = np.concatenate([[0], np.cumsum(np.array(counts, np.int64))]).astype(np.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_module, "CHUNK", chunk)
        found = list(_stretches(starts))
    assert [at for first, stop in found for at in range(first, stop)] == list(range(len(counts)))
    assert found or not counts
    for first, stop in found:
        assert stop <= first + 1 or starts[stop] - starts[first] <= chunk


@given(st.sets(st.integers(0, 300), max_size=80), st.integers(0, 7), st.randoms())
def test_shards_found_in_any_order_lie_on_shelves(
    numbers: set[int], bits: int, random: object
) -> None:
    """Two versions of some shards: a shelf has each number once, and no shard is lost."""
    of = 1 << bits
    whole = Shelf(unique(pack(keys(numbers))), of, "d")
    parts = [whole.part(at) for at in range(len(whole))]
    found = [(part.number, keys) for part in parts for keys in (part.keys, part.keys[:1])]
    random.shuffle(found)  # type: ignore[attr-defined]
    pile = Pile()
    for size, (number, some) in enumerate(found, start=1):
        pile.put(number, size, some)
    shelves = list(pile.shelves(of, "d"))
    assert len(shelves) == (2 if found else 0)
    back = [
        (int(shelf.sizes[at]), shelf.part(at).number, shelf.part(at).keys.tobytes())
        for shelf in shelves
        for at in range(len(shelf))
    ]
    assert sorted(back) == [
        (size, number, some.tobytes()) for size, (number, some) in enumerate(found, start=1)
    ]


def test_keys_become_text_when_they_are_asked_for() -> None:
    wanted = sorted(keys(range(30)))
    text = Hexadecimal(pack(wanted))
    assert (len(text), list(text), text[3:9], text[-1]) == (30, wanted, wanted[3:9], wanted[-1])
    with pytest.raises(IndexError):
        text[30]


def nothing_new(directory: Path, images: int) -> None:
    assert extract(directory, map(key, range(images)), SMALL).added == 0


def opened(directory: Path, images: int) -> None:
    assert len(Reader(directory)) == images


@pytest.mark.slow
@pytest.mark.parametrize("step", [nothing_new, opened])
def test_a_hundred_bytes_an_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: Callable[[Path, int], None]
) -> None:
    """Of what Python and NumPy hold."""
    for module in (keys_module, index_module):
        monkeypatch.setattr(module, "CHUNK", 1000)
    peaks = []
    for images in (4000, 32_000):
        extract(tmp_path / str(images), keys(range(images)), SMALL, batch=1000)
        tracemalloc.start()
        step(tmp_path / str(images), images)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] <= 100 * 28_000
