from pathlib import Path

import numpy as np

from pipeline.store.gather import gather
from pipeline.store.keys import pack, unpack
from pipeline.store.shard import Header, read_header, write_shard
from tests.store.oracle import fingerprint, keys, rows

MADE = fingerprint()
KEYS = sorted(keys(range(12)))


def shard(path: Path, wanted: list[str]) -> tuple[Path, Header]:
    arrays = {name: rows(MADE, name, wanted) for name in MADE.outputs}
    write_shard(path, pack(wanted), arrays, MADE.digest)
    return path, read_header(path, MADE.digest, MADE.outputs)


def test_rows_come_from_memory_and_from_other_shards(tmp_path: Path) -> None:
    shards = [
        shard(tmp_path / "one", KEYS[2:5]),
        shard(tmp_path / "two", KEYS[:1]),
        shard(tmp_path / "none", KEYS[10:]),
    ]
    fresh = KEYS[5:7]
    computed = {name: rows(MADE, name, fresh) for name in MADE.outputs}
    found, arrays = gather(pack(KEYS[:8]), MADE.outputs, (pack(fresh), computed), shards)
    expected = [KEYS[0], *KEYS[2:7]]  # no place has 1 and 7; nobody asked for 10 and 11
    assert unpack(found) == expected
    for name in MADE.outputs:
        assert arrays[name].tobytes() == rows(MADE, name, expected).tobytes()


def test_a_row_that_was_found_is_not_read_again(tmp_path: Path) -> None:
    shards = [shard(tmp_path / name, KEYS[:4]) for name in ("one", "two", "three")]
    for path, _ in shards[1:]:
        path.unlink()
    fresh = {name: np.full_like(rows(MADE, name, KEYS[:2]), 7) for name in MADE.outputs}
    found, arrays = gather(pack(KEYS[:4]), MADE.outputs, (pack(KEYS[:2]), fresh), shards)
    assert unpack(found) == KEYS[:4]
    for name, array in arrays.items():
        assert (array[:2] == 7).all()
        assert array[2:].tobytes() == rows(MADE, name, KEYS[2:4]).tobytes()
