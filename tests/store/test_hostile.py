"""A shard from a stranger: it stays within its own file, and promises no more than it holds."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from pipeline.errors import PipelineError
from pipeline.fingerprint import Fingerprint, Output
from pipeline.store.keys import pack
from pipeline.store.reader import Reader
from pipeline.store.shard import UnreadableShardError, read_header
from tests.store.oracle import fingerprint, keys

MADE = fingerprint(1)
COUNT = 4
KEYS = np.frombuffer(bytes.fromhex("".join(sorted(keys(range(COUNT))))), "u1").reshape(COUNT, 32)
FORMS = {"keys": Output((32,), "uint8"), **MADE.outputs}


def plain(file: h5py.File, name: str) -> None:
    values = KEYS if name == "keys" else np.zeros((COUNT, *FORMS[name].shape), FORMS[name].stored)
    file.create_dataset(name, data=values)


def make(path: Path, name: str, how: Callable[[h5py.File, str, Path], None] | None) -> None:
    """A shard, one dataset of which is made in another way."""
    with h5py.File(path, "w") as file:
        file.attrs["fingerprint"] = np.bytes_(MADE.digest)
        for other in FORMS:
            if other != name or how is None:
                plain(file, other)
            else:
                how(file, name, path)


def external_link(file: h5py.File, name: str, path: Path) -> None:
    with h5py.File(path.with_name("other.h5"), "w") as other:
        plain(other, name)
    file[name] = h5py.ExternalLink("other.h5", name)


def soft_link(file: h5py.File, name: str, _: Path) -> None:
    plain(file, name)
    file.move(name, "other")
    file[name] = h5py.SoftLink("/other")


def external_storage(file: h5py.File, name: str, path: Path) -> None:
    secret = path.with_name("secret")
    form = FORMS[name]
    secret.write_bytes(bytes(COUNT * form.row_bytes))
    shape = (COUNT, *form.shape)
    file.create_dataset(name, shape, form.stored, external=[(str(secret), 0, h5py.h5f.UNLIMITED)])


def virtual(file: h5py.File, name: str, path: Path) -> None:
    form = FORMS[name]
    shape = (COUNT, *form.shape)
    layout = h5py.VirtualLayout(shape, form.stored)
    layout[...] = h5py.VirtualSource(str(path.with_name("other.h5")), name, shape)
    file.create_virtual_dataset(name, layout)


def filtered(file: h5py.File, name: str, _: Path) -> None:
    form = FORMS[name]
    rows = np.zeros((COUNT, *form.shape), form.stored)
    file.create_dataset(name, data=rows, compression="gzip", chunks=True)


def oversized(file: h5py.File, name: str, _: Path) -> None:
    file.create_dataset(name, (1 << 40, *FORMS[name].shape), FORMS[name].stored)


@pytest.mark.parametrize("name", ["keys", "logits"])
@pytest.mark.parametrize(
    "how", [external_link, soft_link, external_storage, virtual, filtered, oversized]
)
def test_a_dataset_that_is_not_plain_rows_is_refused(
    tmp_path: Path, name: str, how: Callable[[h5py.File, str, Path], None]
) -> None:
    path = tmp_path / "shard.h5"
    make(path, name, None)
    assert np.array_equal(
        read_header(path, MADE.digest, MADE.outputs).keys, pack(sorted(keys(range(COUNT))))
    )
    make(path, name, how)
    with pytest.raises(UnreadableShardError, match=rf"shard\.h5: not a whole shard .*'{name}'"):
        read_header(path, MADE.digest, MADE.outputs)


def test_a_fingerprint_that_is_no_digest_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "shard.h5"
    make(path, "keys", None)
    with h5py.File(path, "a") as file:
        del file.attrs["fingerprint"]
        file.attrs.create("fingerprint", np.bytes_(b"x" * 2000))
    with pytest.raises(UnreadableShardError, match="is no text"):
        read_header(path, MADE.digest, MADE.outputs)


def test_a_row_larger_than_its_shard_is_refused_before_room_is_made(
    written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the summary were sound, and its digest, too."""
    tree = {**MADE.to_json(), "outputs": {"logits": {"shape": [10**12], "dtype": "float32"}}}
    huge = Fingerprint.from_json(tree)
    monkeypatch.setattr("pipeline.store.reader.read_summary", lambda directory, index: huge)
    with pytest.raises(PipelineError, match=r"promises rows of 4,000,000,000,000 bytes"):
        Reader(written).rows("logits", keys([1]))
