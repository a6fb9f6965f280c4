"""The table of image words: read as it was written, refused where it is not one."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipeline.errors import PipelineError
from pipeline.fingerprint import Fingerprint, Output
from pipeline.tables.image_words import SCHEMA, ImageWords, write_image_words
from pipeline.tables.parquet import write_table

NAMES = ["tench", "goldfish", "shark", "hen"]
KEYS = ["0" * 64, "1" * 64, "2" * 64]
CLASSES = [[3, 0], [1, 2], [0, 3]]
SHARES = [[0.5, 0.25], [0.75, 0.125], [0.5, 0.5]]


def fingerprint(version: int = 1) -> Fingerprint:
    outputs = {"logits": Output((4,), "float32")}
    return Fingerprint("tiny", version, "0" * 64, "none", "none", "float32", outputs)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "tags.parquet"
    write_image_words(path, KEYS, CLASSES, SHARES, NAMES, fingerprint())
    return path


def test_rows_come_back_in_any_order(table: Path) -> None:
    words = ImageWords(table)
    words.check()
    assert words.classes == 4
    assert words.fingerprint == fingerprint()
    assert words.outputs == {
        "classes": Output((2,), "int32"),
        "probabilities": Output((2,), "float32"),
    }
    np.testing.assert_array_equal(
        words.rows("classes", [KEYS[2], KEYS[0], KEYS[2]]), [[0, 3], [3, 0], [0, 3]]
    )
    np.testing.assert_array_equal(words.rows("probabilities", [KEYS[1]]), [[0.75, 0.125]])
    assert KEYS[1] in words
    assert "3" * 64 not in words
    assert words.rows("classes", []).shape == (0, 2)


def test_equal_rows_give_equal_bytes_and_another_network_other_ones(
    table: Path, tmp_path: Path
) -> None:
    again, other = tmp_path / "again.parquet", tmp_path / "other.parquet"
    write_image_words(again, KEYS, CLASSES, SHARES, NAMES, fingerprint())
    write_image_words(other, KEYS, CLASSES, SHARES, NAMES, fingerprint(version=2))
    assert again.read_bytes() == table.read_bytes() != other.read_bytes()
    assert ImageWords(other).fingerprint.digest != ImageWords(table).fingerprint.digest


def test_what_is_no_table_of_image_words_is_refused(table: Path, tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="run `dvc repro tags`"):
        ImageWords(tmp_path / "none.parquet").check()
    plain = tmp_path / "plain.parquet"
    write_table(pa.table([KEYS, CLASSES, [["a", "b"]] * 3, SHARES], SCHEMA), plain)
    with pytest.raises(PipelineError, match="does not say which network"):
        ImageWords(plain).check()
    ragged = tmp_path / "ragged.parquet"
    write_image_words(ragged, KEYS, [[3], [1, 2], [0, 3]], SHARES, NAMES, fingerprint())
    with pytest.raises(PipelineError, match="differing numbers of words"):
        ImageWords(ragged).check()
    damaged = bytearray(table.read_bytes())
    damaged[len(damaged) // 4] ^= 0xFF
    table.write_bytes(damaged)
    with pytest.raises(PipelineError):
        ImageWords(table).check()
