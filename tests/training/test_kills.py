"""A training that is killed at any instant ends, when it is run again, in the bytes of one run."""

import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from pipeline.fit.resume import Slot, Slots
from pipeline.params.runtime import Runtime
from tests.blocks import quiet
from tests.conftest import ROOT
from tests.training.runs import bytes_of, files_of, params_of, train
from tests.training.tiny import Workspace

SEEDS = [1, 2]
LONG = params_of("cnn_bilstm_crf", max_epochs=150, patience=150)
TRAIN = """
import sys
from pathlib import Path
from tests.training.runs import train
from tests.training.test_kills import LONG, SEEDS, keeping
from tests.training.tiny import Workspace

features, out, states = map(Path, sys.argv[1:])
train("cnn_bilstm_crf", Workspace(features), out, SEEDS, params=LONG, runtime=keeping(states))
"""


def keeping(folder: Path, seconds: float = 0.0) -> Runtime:
    """A state after every batch, and both seeds at once."""
    changes = {"checkpoints": str(folder), "checkpoint_seconds": seconds, "processes": 2}
    return quiet().model_copy(update=changes)


def kill_after(states: int, workspace: Workspace, out: Path, folder: Path) -> None:
    """Kill a training when it was seen to have written so many states more."""
    command = [sys.executable, "-c", TRAIN, str(workspace.root), str(out), str(folder)]
    paths = [folder / "train_cnn_bilstm_crf" / f"seed-{seed}.pt" for seed in SEEDS]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        seen: set[tuple[Path, int]] = set()
        while len(seen) < states and process.poll() is None:
            for path in paths:
                with suppress(FileNotFoundError):
                    seen.add((path, path.stat().st_mtime_ns))
            time.sleep(0.001)
        process.kill()


def test_a_killed_training_ends_in_the_same_bytes(workspace: Workspace, tmp_path: Path) -> None:
    folder, out = tmp_path / "states", tmp_path / "out"
    train("cnn_bilstm_crf", workspace, tmp_path / "whole", SEEDS, params=LONG)
    for states in (1, 3, 8):
        kill_after(states, workspace, out, folder)
        assert list(folder.rglob("seed-*.pt"))
        for left in out.rglob("*"):  # DVC removes the outputs of a stage before it runs again
            if left.is_file():
                left.unlink()
    train("cnn_bilstm_crf", workspace, out, SEEDS, params=LONG, runtime=keeping(folder))
    assert bytes_of(out) == bytes_of(tmp_path / "whole")
    assert not folder.exists()


def test_what_is_kept_of_other_inputs_is_told_and_passed_over(
    workspace: Workspace, tmp_path: Path
) -> None:
    folder = tmp_path / "states"
    runtime = keeping(folder)
    files = files_of("bilstm_crf", workspace, tmp_path / "out")
    slots = Slots("train_bilstm_crf", runtime, {}, files.read())
    slot = slots.of("seed-1", print)
    assert slot is not None
    slot.write({"a": torch.ones(2)})
    said: list[str] = []
    train("bilstm_crf", workspace, tmp_path / "out", [1], said.append, runtime=runtime)
    assert said[0].endswith("seed-1.pt: of other code or other inputs; training starts anew")


@pytest.mark.parametrize("damage", [b"", b"no state", None])
def test_a_damaged_state_is_told_and_passed_over(tmp_path: Path, damage: bytes | None) -> None:
    said: list[str] = []
    slot = Slot(tmp_path / "one.pt", "key", 60.0, said.append)
    assert slot.read() is None
    slot.write({"weights": torch.arange(1000.0)})
    state = slot.read()
    assert state is not None
    assert torch.equal(state["weights"], torch.arange(1000.0))
    whole = slot.path.read_bytes()
    slot.path.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    assert slot.read() is None
    first, line = said
    assert first == f"{slot.path}: training goes on from this state"
    assert line.startswith(f"{slot.path}: no whole state (")


def test_a_key_changes_with_params_files_and_stores(workspace: Workspace, tmp_path: Path) -> None:
    files = files_of("adaptive_coattention", workspace, tmp_path)

    def key(decides: dict[str, object]) -> str:
        slot = Slots("train", keeping(tmp_path), decides, files.read()).of("seed-1", print)
        assert slot is not None
        slot.write({})
        found: str = torch.load(slot.path, weights_only=True)["key"]
        return found

    params = params_of("adaptive_coattention").model_dump()
    first = key(params)
    assert key(params) == first
    assert key(params | {"preset": "another"}) != first
    index = files.caches["regions"] / "index.parquet"
    index.write_bytes(index.read_bytes() + b" ")
    assert key(params) != first


def test_without_a_folder_nothing_is_kept(workspace: Workspace, tmp_path: Path) -> None:
    runtime = quiet()
    assert runtime.checkpoints is None
    assert Slots("train", runtime, {}, []).of("seed-1", print) is None
    before = set(Path.cwd().iterdir())
    train("bilstm_crf", workspace, tmp_path, [1], max_epochs=1)
    assert set(Path.cwd().iterdir()) == before


def test_fresh_takes_up_no_state(workspace: Workspace, tmp_path: Path) -> None:
    folder, out = tmp_path / "states", tmp_path / "out"
    kill_after(3, workspace, out, folder)
    assert list(folder.rglob("seed-*.pt"))
    said: list[str] = []
    fresh = keeping(folder).model_copy(update={"fresh": True})
    train("cnn_bilstm_crf", workspace, out, SEEDS, said.append, params=LONG, runtime=fresh)
    assert not [line for line in said if "goes on" in line]
    assert not list(folder.rglob("*"))
