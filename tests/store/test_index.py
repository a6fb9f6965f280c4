from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import PipelineError
from pipeline.store.index import SCHEMA, read_index
from tests.store.oracle import extract, fingerprint, keys


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    extract(tmp_path, keys(range(30)), fingerprint())
    return tmp_path


def edit(directory: Path, column: str, change: Any) -> None:
    table = pq.read_table(directory / "index.parquet")
    values = change(table[column].to_pylist())
    at = table.schema.get_field_index(column)
    table = table.set_column(at, SCHEMA.field(column), pa.array(values, SCHEMA.field(column).type))
    pq.write_table(table, directory / "index.parquet", store_schema=False)


def test_an_edit_that_changes_nothing_is_no_fault(directory: Path) -> None:
    edit(directory, "row", list)
    assert len(read_index(directory).keys) == 30


@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("sha256", lambda v: v[::-1]),
        ("sha256", lambda v: [v[0], *v[:-1]]),
        ("sha256", lambda v: ["x" * 64, *v[1:]]),
        ("sha256", lambda v: [v[0][:-1], *v[1:]]),
        ("sha256", lambda v: [v[0] + v[1][:1], v[1][1:], *v[2:]]),
        ("shard", lambda v: [v[-1], *v[1:]]),
        ("shard", lambda v: [*v[:1], v[-1], *v[2:]]),
        ("shard", lambda v: [name.replace("000000-of", "000001-of") for name in v]),
        ("shard", lambda v: [name.replace("000003-of-000004", "000003-of-000008") for name in v]),
        ("shard", lambda v: [name.replace("-of-000004", "-of-000002") for name in v]),
        ("shard", lambda v: [name.replace("-of-000004", "-of-000005") for name in v]),
        ("shard", lambda v: ["x", *v[1:]]),
        ("row", lambda v: [5, *v[1:]]),
        ("bytes", lambda v: [v[0] + 1, *v[1:]]),
    ],
)
def test_an_edited_index_is_refused(directory: Path, column: str, change: Any) -> None:
    edit(directory, column, change)
    with pytest.raises(PipelineError, match=r"index\.parquet: not the index of a store: "):
        read_index(directory)


def test_two_shards_for_the_same_keys_are_refused(directory: Path) -> None:
    edit(directory, "shard", lambda names: [names[0].replace(".h5", "")[:-1] + "x.h5", *names[1:]])
    with pytest.raises(PipelineError, match="do not go together"):
        read_index(directory)
    other = "000000-of-000004." + "0" * 16 + ".h5"
    edit(directory, "shard", lambda names: [other, *names[1:]])
    first = pq.read_table(directory / "index.parquet")["shard"].to_pylist()
    count = sum(name.startswith("000000") for name in first)
    edit(directory, "row", lambda rows: [0, *range(count - 1), *rows[count:]])
    with pytest.raises(PipelineError, match="do not go together"):
        read_index(directory)


def test_other_columns_are_named(directory: Path) -> None:
    pq.write_table(pa.table({"sha256": ["a"]}), directory / "index.parquet")
    with pytest.raises(PipelineError, match=r"its columns are \['sha256'\], not \['sha256', 'sh"):
        read_index(directory)


@pytest.mark.parametrize("length", [0, 1, 100, -1])
def test_an_index_cut_off_is_refused(directory: Path, length: int) -> None:
    path = directory / "index.parquet"
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(PipelineError, match="not the index of a store"):
        read_index(directory)


def test_it_reads_as_an_ordinary_table(directory: Path) -> None:
    schema = pq.read_schema(directory / "index.parquet")
    assert schema.equals(SCHEMA)
    assert schema.metadata is None
