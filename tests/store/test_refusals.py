"""A store that is not whole, or not the one it says it is, is refused."""

import json
import os
import shutil
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.store.reader import Reader
from tests.store.oracle import extract, fingerprint, keys, shards

MADE, OTHER = fingerprint(1), fingerprint(2)
WANTED = keys(range(60))  # the images of the fixture `written`


@pytest.fixture
def directory(written: Path, tmp_path: Path) -> Path:
    """A copy that a test may break."""
    return Path(shutil.copytree(written, tmp_path / "tags"))


@pytest.mark.parametrize("how", ["removed", "cut", "dangling"])
def test_half_a_pull_is_refused_before_the_first_row(directory: Path, how: str) -> None:
    first, second = shards(directory)[1:3]
    match how:
        case "removed":
            first.unlink()
            second.unlink()
        case "cut":
            for path in (first, second):
                path.write_bytes(path.read_bytes()[:-1])
        case _:
            for path in (first, second):
                path.unlink()
                path.symlink_to("gone")
    fault = "bytes" if how == "cut" else "missing"
    message = (
        rf"tags: 2 of 8 shards .*{first.name} \(.*{fault}\), {second.name} \(.*dvc pull .*tags"
    )
    with pytest.raises(PipelineError, match=message):
        Reader(directory).check()
    with pytest.raises(PipelineError, match="2 of 8 shards"):
        Reader(directory).rows("grid", [sorted(WANTED)[0]])  # its shard is there


def test_a_shard_of_another_fingerprint_is_refused_when_opened(
    directory: Path, tmp_path: Path
) -> None:
    """Name, images and size are the same; only the header of the shard shows it."""
    extract(tmp_path / "other", WANTED, OTHER)
    mine, others = shards(directory)[3], shards(tmp_path / "other")[3]
    assert mine.stat().st_size == others.stat().st_size
    shutil.copy(others, mine)
    reader = Reader(directory)
    reader.check()
    message = rf"{mine.name}: computed under fingerprint.* delete it and run `dvc pull"
    with pytest.raises(PipelineError, match=message):
        reader.rows("grid", WANTED)


def test_a_shard_of_other_images_is_refused_when_opened(directory: Path) -> None:
    by_size: dict[int, list[Path]] = {}
    for path in shards(directory):
        by_size.setdefault(path.stat().st_size, []).append(path)
    one, two = next(paths for paths in by_size.values() if len(paths) > 1)[:2]
    shutil.copy(one, two)
    with pytest.raises(PipelineError, match=rf"{two.name}: holds other rows"):
        Reader(directory).rows("grid", WANTED)


def test_a_shard_of_zeros_is_refused_when_opened(directory: Path) -> None:
    path = shards(directory)[0]
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(PipelineError, match=rf"{path.name}: not a whole shard.*delete it"):
        Reader(directory).rows("grid", WANTED)


def test_a_shard_that_goes_while_it_is_needed(directory: Path) -> None:
    reader = Reader(directory)
    reader.check()
    path = shards(directory)[0]
    path.unlink()
    with pytest.raises(PipelineError, match=path.name):
        reader.rows("grid", WANTED)


def test_a_shard_cut_off_after_the_check(directory: Path) -> None:
    reader = Reader(directory)
    reader.check()
    for path in shards(directory):
        os.truncate(path, path.stat().st_size - 1)
    with pytest.raises(PipelineError, match=r"not a whole shard.*delete it and run `dvc pull"):
        reader.rows("grid", WANTED)


def test_a_store_that_is_replaced_while_it_is_read(directory: Path, tmp_path: Path) -> None:
    """`dvc pull` or another extraction may run beside a training: its rows stay as they were."""
    reader = Reader(directory)
    expected = reader.rows("grid", WANTED).tobytes()
    extract(tmp_path / "other", WANTED, OTHER)
    for mine, other in zip(shards(directory), shards(tmp_path / "other"), strict=True):
        other.replace(mine)
    assert reader.rows("grid", WANTED).tobytes() == expected
    with pytest.raises(PipelineError, match="computed under fingerprint"):
        Reader(directory).rows("grid", WANTED)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rows", 59),
        ("shards", 7),
        ("digest", "0" * 64),
        ("keys_sha256", "0" * 64),
        ("fingerprint", OTHER.to_json()),
        ("fingerprint", {"backbone": "x"}),
        ("fingerprint", None),
    ],
)
def test_an_edited_summary_is_refused(directory: Path, field: str, value: object) -> None:
    path = directory / "store.json"
    tree = json.loads(path.read_text())
    path.write_text(json.dumps({**tree, field: value}))
    with pytest.raises(PipelineError, match=r"store\.json: .*Run `dvc pull"):
        Reader(directory).check()
    del tree[field]
    path.write_text(json.dumps(tree))
    with pytest.raises(PipelineError, match=r"store\.json: not the summary"):
        Reader(directory).check()


@pytest.mark.parametrize("text", ["", "[]", "null", "{", "\xff"])
def test_a_summary_of_something_else_is_refused(directory: Path, text: str) -> None:
    (directory / "store.json").write_bytes(text.encode("latin1"))
    with pytest.raises(PipelineError, match=r"store\.json: not the summary of a store"):
        Reader(directory).check()


def test_the_index_of_another_store_is_refused(directory: Path, tmp_path: Path) -> None:
    for name, (wanted, made) in {
        "images": (keys(range(1, 61)), MADE),
        "fingerprint": (WANTED, OTHER),
    }.items():
        extract(tmp_path / name, wanted, made)
        shutil.copy(tmp_path / name / "index.parquet", directory)
        with pytest.raises(PipelineError, match="does not belong to index"):
            Reader(directory).check()
