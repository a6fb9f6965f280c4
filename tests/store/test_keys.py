import hashlib
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.store.keys import (
    ascending,
    is_name_of,
    is_shard_name,
    keys_digest,
    pack,
    place_of,
    positions,
    shard_name,
    shard_numbers,
    shards_for,
    unpack,
)
from pipeline.store.shelf import Shelf

# Few different ends give shared prefixes, and trailing zero bytes, which NumPy strips.
HEX = st.tuples(st.sampled_from(["00", "0f", "80", "ff"]), st.sampled_from(["00", "01", "ff"])).map(
    lambda ends: ends[0] + "0" * 60 + ends[1]
) | st.binary(min_size=32, max_size=32).map(bytes.hex)


@pytest.mark.parametrize(
    ("rows", "shards"),
    [(0, 1), (1, 1), (8, 1), (9, 2), (16, 2), (17, 4), (32, 4), (33, 8), (10_000, 2048)],
)
def test_the_number_of_shards_is_the_smallest_power_of_two_not_below_an_eighth(
    rows: int, shards: int
) -> None:
    assert shards_for(rows) == shards


@given(st.integers(1, 10**8))
def test_a_shard_has_four_to_eight_rows_on_average(rows: int) -> None:
    shards = shards_for(rows)
    assert shards & (shards - 1) == 0
    assert rows <= 8 * shards
    assert shards == 1 or rows > 4 * shards


@given(st.lists(HEX))
def test_packed_keys_come_back(keys: list[str]) -> None:
    assert unpack(pack(keys)) == keys
    assert len(pack(keys)) == len(keys)


@pytest.mark.parametrize("wrong", ["", "0" * 63, "0" * 65, "A" * 64, " " * 64, "g" + "0" * 63])
def test_a_key_is_64_lower_case_digits(wrong: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(wrong))):
        pack(["0" * 64, wrong])


def test_two_wrong_lengths_do_not_make_up_for_each_other() -> None:
    with pytest.raises(ValueError, match="64 lower-case"):
        pack(["0" * 63, "0" * 65])


@given(st.sets(HEX), st.integers(0, 12))
def test_splitting_is_by_the_first_bits(keys: set[str], bits: int) -> None:
    packed = np.sort(pack(keys))
    assert unpack(packed) == sorted(keys)
    expected: dict[int, list[str]] = {}
    for key in sorted(keys):
        expected.setdefault(int(key, 16) >> (256 - bits), []).append(key)
    shelf = Shelf(packed, 1 << bits, "d")
    found = {part.number: unpack(part.keys) for part in map(shelf.part, range(len(shelf)))}
    assert found == expected
    assert list(found) == sorted(found)


@given(st.lists(HEX, unique=True), st.sets(HEX))
def test_positions_are_those_of_a_dictionary(keys: list[str], among: set[str]) -> None:
    table = {key: at for at, key in enumerate(sorted(among))}
    found = positions(pack(keys), np.sort(pack(among)))
    assert found.tolist() == [table.get(key, -1) for key in keys]


@given(st.lists(HEX, min_size=1))
def test_ascending_means_sorted_without_repeats(keys: list[str]) -> None:
    assert ascending(pack(keys)) == (keys == sorted(set(keys)))


def test_a_name_stands_for_fingerprint_keys_and_place() -> None:
    keys = np.sort(pack(["0" * 64, "3" + "0" * 63]))
    name = shard_name(0, 4, "d", keys)
    assert is_shard_name(name)
    assert place_of(name) == (0, 4)
    assert is_name_of(name, "d", keys)
    assert not is_name_of(name, "e", keys)
    assert not is_name_of(name, "d", keys[:1])
    assert not is_name_of(name.replace("of-000004", "of-000008"), "d", keys)  # one is not in 0
    assert not is_name_of(shard_name(0, 3, "d", keys), "d", keys)
    assert not is_name_of(shard_name(1, 4, "d", keys), "d", keys)
    assert not is_shard_name("index.parquet")
    assert not is_shard_name(name.replace("000004", "0" * 10))
    assert not is_shard_name(name + ".tmp")
    assert place_of(shard_name(1_234_567, 2_097_152, "d", keys)) == (1_234_567, 2_097_152)


def test_the_last_shard_of_many() -> None:
    keys = pack(["f" * 64])
    assert shard_numbers(keys, 1 << 20).tolist() == [(1 << 20) - 1]


def test_the_digest_of_keys_is_that_of_their_bytes() -> None:
    keys = ["0" * 64, "ab" * 32]
    assert keys_digest(pack(keys)) == hashlib.sha256(bytes.fromhex("".join(keys))).hexdigest()
