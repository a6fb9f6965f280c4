"""Parquet tables: damage and foreign columns are refused, in a line."""

from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.errors import PipelineError
from pipeline.tables.parquet import read_table, write_table

SCHEMA = pa.schema([pa.field("word", pa.string(), nullable=False), pa.field("n", pa.int32())])
TABLE = pa.table({"word": [f"word {n}" for n in range(50)], "n": list(range(50))}, SCHEMA)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_table(TABLE, tmp_path / "made" / "table.parquet")
    return tmp_path / "made" / "table.parquet"


def test_round_trip(path: Path) -> None:
    assert read_table(path, SCHEMA, "prepare").equals(TABLE)
    assert read_table(path, None, "prepare").equals(TABLE)


def test_other_columns_are_refused_by_name(path: Path) -> None:
    other = pa.schema([pa.field("word", pa.string()), pa.field("n", pa.int64())])
    with pytest.raises(PipelineError) as error:
        read_table(path, other, "prepare")
    assert str(error.value) == (
        f"{path}: expected columns word (string), n (int64), found word (string), n (int32);"
        f" run `dvc repro prepare`, or `dvc pull {path}` where another machine has run it"
    )


def test_damage_anywhere_is_refused_or_without_effect(path: Path) -> None:
    """Every byte flipped, every truncation: an error of one line, or the very same rows."""
    whole = path.read_bytes()
    damaged = [whole[:at] for at in range(0, len(whole), 7)]
    damaged += [
        whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :] for at in range(0, len(whole), 3)
    ]
    messages = []
    for content in damaged:
        path.write_bytes(content)
        try:
            assert read_table(path, SCHEMA, "prepare").equals(TABLE)
        except PipelineError as error:
            messages.append(str(error))
    assert len(messages) > len(damaged) / 2
    assert not any("\n" in message for message in messages)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="not a sound Parquet file"):
        read_table(tmp_path, SCHEMA, "prepare")
