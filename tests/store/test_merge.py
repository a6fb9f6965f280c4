"""Stores of one fingerprint merge to the bytes of one run; others are refused."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.merge import main
from pipeline.errors import PipelineError
from pipeline.fingerprint import Fingerprint
from pipeline.store import merge as module
from pipeline.store.merge import merge
from pipeline.store.store import Store
from tests.store.oracle import content, extract, fingerprint, fresh, keys, shards

MADE = fingerprint(1)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    extract(tmp_path / "mine", keys(range(40)), MADE)
    return tmp_path / "mine"


@pytest.fixture
def yours(tmp_path: Path) -> Path:
    extract(tmp_path / "yours", keys(range(30, 90)), MADE)
    return tmp_path / "yours"


@pytest.mark.parametrize("handed", [1, 7, 256])
def test_the_bytes_are_those_of_one_run_over_all_images(
    mine: Path, yours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, handed: int
) -> None:
    monkeypatch.setattr(module, "HANDED", handed)
    extract(tmp_path / "third", keys(range(85, 100)), MADE)
    before = content(yours)
    report = merge(mine, [yours, tmp_path / "third"])
    assert (report.rows, report.added, report.removed) == (100, 60, 0)
    assert content(mine) == fresh(tmp_path, keys(range(100)), MADE)
    assert content(yours) == before


def test_a_store_that_is_not_there_is_made(mine: Path, yours: Path, tmp_path: Path) -> None:
    assert merge(tmp_path / "new", [yours, mine]).added == 90
    assert content(tmp_path / "new") == fresh(tmp_path, keys(range(90)), MADE)


def test_what_is_merged_already_is_left_alone(mine: Path, yours: Path) -> None:
    merge(mine, [yours])
    before = {path: path.stat().st_mtime_ns for path in mine.iterdir()}
    assert merge(mine, [yours]).rewritten == 0
    assert {path: path.stat().st_mtime_ns for path in mine.iterdir()} == before


def test_another_fingerprint_is_refused_and_nothing_changes(mine: Path, tmp_path: Path) -> None:
    extract(tmp_path / "other", keys(range(50, 60)), fingerprint(2))
    before = content(mine)
    with pytest.raises(PipelineError, match=r"other: not of the .*mine: version 2 and not 1\. "):
        merge(mine, [tmp_path / "other"])
    assert content(mine) == before


@pytest.mark.parametrize("half", ["mine", "yours"])
def test_half_a_store_is_refused_and_nothing_changes(
    mine: Path, yours: Path, tmp_path: Path, half: str
) -> None:
    shards(tmp_path / half)[2].unlink()
    before = content(mine)
    with pytest.raises(PipelineError, match=rf"{half}: 1 of \d+ shards are not there"):
        merge(mine, [yours])
    assert content(mine) == before


def test_a_store_and_itself(mine: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(mine)
    with pytest.raises(PipelineError, match="merged into itself"):
        merge(mine, [tmp_path / "alias"])


def test_interrupted_it_is_still_the_old_store_and_goes_on(
    mine: Path, yours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = content(mine)
    add, calls = Store.add, []

    def interrupted(store: Store, *args: object) -> None:
        calls.append(args)
        if len(calls) == 5:
            raise KeyboardInterrupt
        add(store, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "HANDED", 8)
    monkeypatch.setattr(Store, "add", interrupted)
    with pytest.raises(KeyboardInterrupt):
        merge(mine, [yours])
    monkeypatch.undo()
    left = content(mine)
    assert old.items() < left.items()
    assert merge(mine, [yours]).rows == 90
    assert content(mine) == fresh(tmp_path, keys(range(90)), MADE)


@pytest.mark.parametrize("made", [MADE, fingerprint(2)])
def test_rows_of_a_run_that_has_not_finished_are_not_dropped(
    yours: Path, tmp_path: Path, made: Fingerprint
) -> None:
    started = tmp_path / "started"
    extract(started, keys(range(40)), made)
    for name in ("index.parquet", "store.json"):
        (started / name).unlink()
    before = content(started)
    with pytest.raises(PipelineError, match="started: holds shards without an index, of a run"):
        merge(started, [yours])
    assert content(started) == before


def test_the_command(mine: Path, yours: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, [str(mine), str(yours)])
    assert (done.exit_code, "90 rows in" in done.output, "50 added" in done.output) == (0, 1, 1)
    shutil.rmtree(yours)
    refused = CliRunner().invoke(main, [str(mine), str(yours)])
    assert refused.exit_code == 2
    assert "does not exist" in refused.output
