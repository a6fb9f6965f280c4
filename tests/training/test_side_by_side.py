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
from pipeline.training.side_by_side import at_once
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


def time_of(trainings: int, cores: int, processes: int) -> float:
    """How long trainings take, each 1 alone, that share the cores, in small steps of time."""
    step, passed = 1 / 840, 0  # so that a step's share is whole for up to 8 that run
    left = [840 * 840] * trainings  # of each one's work
    while left:
        running = min(processes, len(left))
        share = 840 * min(cores, running) // running
        left = [work - share for work in left[:running]] + left[running:]
        left = [work for work in left if work > 0]
        passed += 1
    return passed * step


@pytest.mark.parametrize("cores", [1, 2, 3, 4])
@pytest.mark.parametrize("trainings", [1, 2, 3, 5, 7, 10])
def test_so_many_train_at_once_that_no_other_number_ends_sooner(cores: int, trainings: int) -> None:
    allowed = {number: time_of(trainings, cores, number) for number in range(cores, 2 * cores)}
    chosen = at_once(trainings, cores)
    assert allowed[chosen] == min(allowed.values())
    assert chosen == min(number for number, time in allowed.items() if time == allowed[chosen])


def test_three_seeds_on_two_cores_share_them() -> None:
    assert (at_once(3, 2), at_once(2, 2), at_once(1, 16), at_once(5, 2)) == (3, 2, 16, 3)
