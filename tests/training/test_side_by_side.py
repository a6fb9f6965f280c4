"""The number of threads, of cores and of processes changes no byte; each failure is told."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import psutil
import pytest
from click.testing import CliRunner

from pipeline.errors import PipelineError
from pipeline.training import train as training
from stages.command import stage
from tests.blocks import quiet
from tests.conftest import ROOT
from tests.training.runs import bytes_of, train
from tests.training.tiny import Workspace

# Trains and evaluates with layers that torch computes with several threads if it has them.
TRAIN = """
import sys
from pathlib import Path
from tests.training.runs import evaluate, train
from tests.training.tiny import Workspace
from tests.systems.blocks import block

training = {"learning_rate": 0.02, "max_epochs": 2, "patience": 2, "batch_posts": 32}
params = block("cwi", {"hidden": 200}, training, ["tiny"])
features, out = map(Path, sys.argv[1:])
train("cwi", Workspace(features), out, [1, 2], params=params)
evaluate("cwi", Workspace(features), out)
"""


def test_torchs_threads_change_no_byte(workspace: Workspace, tmp_path: Path) -> None:
    found = []
    for threads in ("1", "2"):
        out = tmp_path / threads
        subprocess.run(
            [sys.executable, "-c", TRAIN, str(workspace.root), str(out)],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": threads},
            check=True,
        )
        found.append(bytes_of(out))
    assert found[0] == found[1]


def test_seeds_side_by_side_give_the_bytes_of_one_after_the_other(
    workspace: Workspace, tmp_path: Path
) -> None:
    found, lines = [], []
    for processes in (1, 2, 8):
        out, said = tmp_path / str(processes), list[str]()
        runtime = quiet(processes=processes)
        train("cwi", workspace, out, [1, 2, 3], said.append, max_epochs=3, runtime=runtime)
        found.append(bytes_of(out))
        lines.append([line.rpartition(", ")[0] for line in said])  # without the seconds
    assert found[0] == found[1] == found[2]
    assert len([name for name in found[0] if name.endswith("weights.safetensors")]) == 3
    assert sorted(lines[0]) == sorted(lines[1]) == sorted(lines[2])
    for seed in (1, 2, 3):  # those of a seed are in their order
        told = [[line for line in said if f"seed {seed}" in line] for said in lines]
        assert told[0] == told[1] == told[2]


def fail() -> None:
    raise PipelineError("seed 2 diverged")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(
    ("end", "message"),
    [(fail, "Error: seed 2 diverged\n"), (die, "Error: SIGKILL ended a process")],
)
def test_one_seed_that_fails_ends_the_others_and_the_stage(
    end: Any,
    message: str,
    workspace: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fake(*given: Any) -> None:
        *_, run = given
        if run.seed == 2:
            end()
        signal.pause()  # the other seed would train for ever

    monkeypatch.setattr(training, "train_network", fake)
    before = psutil.Process().children()

    @click.command()
    @stage
    def main() -> None:
        train("bilstm_crf", workspace, tmp_path, [1, 2], runtime=quiet(processes=2))

    done = CliRunner().invoke(main)
    assert done.exit_code == 1
    assert done.output.startswith(message)
    assert psutil.Process().children() == before
