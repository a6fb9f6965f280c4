import hashlib
from pathlib import Path

import h5py
import numpy as np
import pytest

from pipeline.files import NoRoomError
from pipeline.fingerprint import Output
from pipeline.store.keys import from_bytes, pack, unpack
from pipeline.store.shard import (
    ForeignShardError,
    UnreadableShardError,
    read_header,
    read_keys,
    read_rows,
    write_shard,
)
from tests.store.oracle import fingerprint, keys, rows

MADE = fingerprint(
    grid=Output((2, 3), "float16"), one=Output((), "int64"), logits=Output((5,), "float32")
)
KEYS = sorted(keys(range(5)))
GOLDEN = "6e93640e741559556503e7e5c59fdf022b373f74beff6b685ca64677fd7ec5e2"
ROWS = {name: rows(MADE, name, KEYS) for name in MADE.outputs}


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    path = tmp_path / "shard.h5"
    size = write_shard(path, pack(KEYS), ROWS, MADE.digest)
    assert size == path.stat().st_size
    return path


def test_equal_rows_give_the_same_bytes_on_every_day(shard: Path, tmp_path: Path) -> None:
    """The golden value was written by h5py 3.16 with HDF5 2.0, and by 3.12 with HDF5 1.14."""
    again = tmp_path / "elsewhere" / "other.h5"
    write_shard(again, pack(KEYS), dict(reversed(ROWS.items())), MADE.digest)
    assert again.read_bytes() == shard.read_bytes()
    assert hashlib.sha256(shard.read_bytes()).hexdigest() == GOLDEN


def test_any_hdf5_reader_understands_it(shard: Path) -> None:
    with h5py.File(shard, "r") as file:
        assert sorted(file) == ["grid", "keys", "logits", "one"]
        assert file.attrs["fingerprint"] == MADE.digest.encode()
        assert unpack(from_bytes(file["keys"][:].tobytes())) == KEYS
        for name in MADE.outputs:
            assert file[name].chunks is None
            assert file[name][:].tobytes() == ROWS[name].tobytes()


def test_rows_are_read_where_the_header_says(shard: Path) -> None:
    header = read_header(shard, MADE.digest, MADE.outputs)
    assert unpack(header.keys) == KEYS == unpack(read_keys(shard, MADE.digest))
    for name, output in MADE.outputs.items():
        found = read_rows(shard, header, name, output)
        assert found.dtype == ROWS[name].dtype
        assert found.tobytes() == ROWS[name].tobytes()
        start = header.offsets[name]
        assert shard.read_bytes()[start:][: ROWS[name].nbytes] == ROWS[name].tobytes()


def test_a_shard_of_another_fingerprint_is_never_read(shard: Path) -> None:
    with pytest.raises(ForeignShardError, match=r"shard\.h5: computed under fingerprint"):
        read_keys(shard, fingerprint(2).digest)


def test_a_shard_cut_off_anywhere_is_unreadable(shard: Path) -> None:
    whole = shard.read_bytes()
    for length in [*range(0, len(whole), 97), len(whole) - 1]:
        shard.write_bytes(whole[:length])
        with pytest.raises(UnreadableShardError, match=r"shard\.h5: not a whole shard"):
            read_header(shard, MADE.digest, MADE.outputs)


def test_a_broken_byte_never_crashes(shard: Path) -> None:
    """A wrong byte in a header is found or does no harm; HDF5 may neither crash nor hang."""
    whole = shard.read_bytes()
    generator = np.random.default_rng(0)
    outcomes = set()
    for at in generator.choice(2048, 150, replace=False).tolist():
        broken = bytearray(whole)
        broken[at] ^= int(generator.integers(1, 256))
        shard.write_bytes(bytes(broken))
        try:
            read_header(shard, MADE.digest, MADE.outputs)
            outcomes.add("read")
        except (UnreadableShardError, ForeignShardError) as error:
            outcomes.add(type(error).__name__)
    assert {"read", "UnreadableShardError"} <= outcomes


def test_rows_that_would_lie_beyond_the_file_are_found(shard: Path) -> None:
    """The address of a dataset is broken."""
    whole = shard.read_bytes()
    start = read_header(shard, MADE.digest, MADE.outputs).offsets["grid"]
    address = start.to_bytes(8, "little")
    assert whole[:2048].count(address) == 1
    shard.write_bytes(whole.replace(address, (start + len(whole)).to_bytes(8, "little"), 1))
    with pytest.raises(UnreadableShardError, match="not a whole shard"):
        read_header(shard, MADE.digest, MADE.outputs)


def test_rows_cut_off_after_the_header_was_read(shard: Path) -> None:
    header = read_header(shard, MADE.digest, MADE.outputs)
    with shard.open("r+b") as file:
        file.truncate(header.offsets["one"] + 8)
    with pytest.raises(UnreadableShardError, match="'one' is cut off"):
        read_rows(shard, header, "one", MADE.outputs["one"])


@pytest.mark.parametrize(
    ("outputs", "reason"),
    [
        ({"absent": Output((5,), "float32")}, "absent"),
        ({"logits": Output((6,), "float32")}, r"not <?float32\(5, 6\)"),
        ({"logits": Output((5,), "float16")}, r"not <?float16\(5, 5\)"),
    ],
)
def test_other_outputs_are_named(shard: Path, outputs: dict[str, Output], reason: str) -> None:
    with pytest.raises(UnreadableShardError, match=reason):
        read_header(shard, MADE.digest, outputs)


def test_compressed_datasets_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "compressed.h5"
    with h5py.File(path, "w") as file:
        file.attrs["fingerprint"] = np.bytes_(MADE.digest)
        file["keys"] = pack(KEYS).view(np.uint8).reshape(5, 32)
        file.create_dataset("logits", data=ROWS["logits"], compression="gzip")
    with pytest.raises(UnreadableShardError, match="'logits' is not one whole block"):
        read_header(path, MADE.digest, {"logits": MADE.outputs["logits"]})


@pytest.mark.parametrize("content", [b"", b"not HDF5", b"\x89HDF\r\n\x1a\n"])
def test_other_files_are_unreadable(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.h5"
    path.write_bytes(content)
    with pytest.raises(UnreadableShardError, match=r"other\.h5"):
        read_keys(path, MADE.digest)
    with pytest.raises(UnreadableShardError, match=r"absent\.h5"):
        read_keys(tmp_path / "absent.h5", MADE.digest)


def test_hdf5_without_our_parts_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "other.h5"
    with h5py.File(path, "w"):
        pass
    with pytest.raises(UnreadableShardError, match="fingerprint"):
        read_keys(path, MADE.digest)
    with h5py.File(path, "w") as file:
        file.attrs["fingerprint"] = MADE.digest  # text of variable length
        file.create_group("keys")
    with pytest.raises(UnreadableShardError, match="no text"):
        read_keys(path, MADE.digest)


def test_keys_that_do_not_ascend_are_refused(tmp_path: Path) -> None:
    for wrong in (KEYS[::-1], [KEYS[0]] * 5, KEYS[:4]):
        with pytest.raises(ValueError, match="ascending keys and one row for each"):
            write_shard(tmp_path / "wrong.h5", pack(wrong), ROWS, MADE.digest)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_no_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes) -> None:
        with path.open("wb") as file:
            file.write(content[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(NoRoomError, match=r"full\.h5: no room .* it needs [\d,]+ bytes"):
        write_shard(tmp_path / "full.h5", pack(KEYS), ROWS, MADE.digest)
    assert not list(tmp_path.iterdir())
