"""Rows that differ in length: the same store, the same guarantees."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PipelineError
from pipeline.fingerprint import Fingerprint, Output
from pipeline.store.keys import rows_a_shard, shards_for
from pipeline.store.merge import merge
from pipeline.store.reader import Reader
from pipeline.store.rows import stacked
from pipeline.store.store import Store
from tests.store.oracle import content, fingerprint, keys, shards

WORDS = Output((2, 3), "float16", ragged=True)
MADE = fingerprint(words=WORDS, length=Output((), "int32"))


def row(of: str) -> np.ndarray:
    """A row whose length and numbers depend on the key."""
    random = np.random.default_rng(int(of[:8], 16))
    return random.normal(size=(random.integers(1, 30), 2, 3)).astype(np.float16)


def write(directory: Path, wanted: Iterable[str], made: Fingerprint = MADE) -> Sequence[str]:
    with Store(directory, made) as store:
        missing = store.missing(wanted)
        for start in range(0, len(missing), 7):
            part = missing[start : start + 7]
            found = [row(key) for key in part]
            lengths = np.array([len(one) for one in found], np.int32)
            store.add(part, {"words": stacked(WORDS, found), "length": lengths})
        store.finish()
    return missing


@given(st.sets(st.integers(0, 5000), max_size=40), st.sets(st.integers(0, 5000), max_size=40))
def test_a_store_is_a_function_of_its_keys_however_it_grew(
    tmp_path_factory: pytest.TempPathFactory, first: set[int], second: set[int]
) -> None:
    folder = tmp_path_factory.mktemp("ragged")
    write(folder / "grown", keys(first))
    computed = write(folder / "grown", keys(second))
    write(folder / "fresh", keys(second))
    assert content(folder / "grown") == content(folder / "fresh")
    assert set(computed) == set(keys(second - first))


def test_stores_merge_to_the_bytes_of_one_run(tmp_path: Path) -> None:
    write(tmp_path / "mine", keys(range(40)))
    write(tmp_path / "yours", keys(range(30, 90)))
    write(tmp_path / "all", keys(range(90)))
    assert merge(tmp_path / "mine", [tmp_path / "yours"]).added == 50
    assert content(tmp_path / "mine") == content(tmp_path / "all")


def test_views_are_the_rows_and_copy_nothing(directory: Path) -> None:
    wanted = keys(range(300))
    write(directory, wanted)
    reader = Reader(directory)
    asked = [*wanted[::3], wanted[0]]
    for key, view in zip(asked, reader.views("words", asked), strict=True):
        assert np.array_equal(view, row(key))
        assert not view.flags.writeable
        assert not view.flags.owndata
    assert reader.rows("length", asked).tolist() == [len(row(key)) for key in asked]
    with pytest.raises(ValueError, match="views"):
        reader.rows("words", asked)


def test_a_shard_whose_ends_do_not_fit_its_rows_is_refused(directory: Path) -> None:
    wanted = keys(range(5))
    write(directory, wanted)
    (shard,) = shards(directory)
    ends = np.cumsum([len(row(key)) for key in sorted(wanted)], dtype="<i8")
    damaged = shard.read_bytes().replace(ends.tobytes(), (ends + 1).tobytes())
    shard.write_bytes(damaged.replace((ends + 1).tobytes(), ends[::-1].tobytes()))
    with pytest.raises(PipelineError, match="overlap"):
        Reader(directory).views("words", wanted)


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((1, 2, 3), np.float16),
        stacked(WORDS, [np.zeros((4, 2, 2), np.float16)]),
        stacked(WORDS, [np.zeros((4, 2, 3), np.float32)]),
    ],
    ids=["not ragged", "shape", "dtype"],
)
def test_rows_of_another_form_are_refused(directory: Path, bad: np.ndarray) -> None:
    with Store(directory, MADE) as store:
        (key,) = store.missing(keys([1]))
        with pytest.raises(ValueError, match="words"):
            store.add([key], {"words": bad, "length": np.ones(1, np.int32)})


def test_shards_of_small_ragged_rows_have_more_of_them() -> None:
    def of(*shape: int) -> int:
        return rows_a_shard([Output(shape, "float16", ragged=True)])

    assert of(7, 384) == 8  # 86 KB a post
    assert of(1, 384) == 64
    assert rows_a_shard([Output((1,), "float16")]) == 8  # images keep theirs
    assert shards_for(8257, of(1, 384)) == 256


def test_fixed_outputs_have_the_fingerprint_that_they_had() -> None:
    fixed = fingerprint(logits=Output((5,), "float32"))
    assert fixed.to_json()["outputs"] == {"logits": {"shape": [5], "dtype": "float32"}}
    assert "facts" not in fixed.to_json()
    assert Fingerprint.from_json(MADE.to_json()) == MADE
