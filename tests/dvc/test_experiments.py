"""`dvc exp run -S` composes params.yaml from conf/ and runs what that changed."""

import json
import re
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.dvc.workspace import PATIENCE, ROOT, Workspace, both

pytestmark = pytest.mark.dvc


def test_a_value(workspace: Workspace) -> None:
    done = workspace.dvc("exp", "run", "-S", "leaderboard.order_by=dev")
    assert done.ran == {"leaderboard", "report"}  # both stand in this order
    assert workspace.params()["leaderboard"] == {"order_by": "dev"}
    changed = workspace.git("diff", "--name-only").output.split()
    assert (
        {"dvc.lock", "params.yaml"}
        <= set(changed)
        <= {
            "dvc.lock",
            "metrics/leaderboard.md",
            "params.yaml",
        }
    )


def test_one_system_in_a_clone_without_a_cache(reproduced: Workspace, tmp_path: Path) -> None:
    """It ends where the other stages' outputs, which dvc.lock names, were never made."""
    clone = Workspace(tmp_path / "clone", reproduced.env)
    reproduced.git("clone", "--quiet", str(reproduced.path), str(clone.path))
    rate = "systems.bilstm_crf.training.learning_rate=0.003"
    done = clone.dvc("exp", "run", "-S", rate, "evaluate_bilstm_crf")
    assert {"prepare", "train_bilstm_crf", "evaluate_bilstm_crf"} <= done.ran
    (ended,) = experiments(clone)
    assert ended["data"]["metrics"]["metrics/bilstm_crf.json"]["data"]["seeds"] == 1


def test_a_queue_of_seeds_and_presets(workspace: Workspace) -> None:
    """As docs/experiments-and-tables.md has it: each runs in a copy, from the caches alone.

    The second of the seeds waits in the queue like the first, and is then taken out unrun.
    """
    queue = ("exp", "run", "--queue", "--allow-missing")
    workspace.dvc(*queue, "-S", "train.seeds=[2],[3]", "evaluate_bilstm_crf")
    ablation = "system/adaptive_coattention=cbcfufi"
    workspace.dvc(*queue, "-S", ablation, "evaluate_adaptive_coattention")
    queued = {setting(revision): revision["rev"] for revision in experiments(workspace)}
    assert queued.keys() == {(2, True), (3, True), (1, False)}
    workspace.dvc("queue", "remove", queued[3, True][:7])
    done = workspace.dvc("exp", "run", "--run-all")
    assert done.ran == both("bilstm_crf", "adaptive_coattention"), done.output
    ended = experiments(workspace)
    assert {setting(revision) for revision in ended} == {(2, True), (1, False)}
    for revision in ended:
        assert revision["data"]["metrics"]["metrics/bilstm_crf.json"]["data"]["seeds"] == 1


def test_two_workers_of_the_queue_share_the_caches(workspace: Workspace) -> None:
    """Real processes of `dvc queue start`, each in its copy, over one cache of feature stores."""
    for system in ("bilstm_crf", "adaptive_coattention"):
        queue = ("exp", "run", "--queue", "--allow-missing", "-S", "train.seeds=[5]")
        workspace.dvc(*queue, f"evaluate_{system}")
    before = workspace.files("features")
    workspace.dvc("queue", "start", "--jobs", "2")
    try:
        ended = wait_for_queue(workspace, 2)
    finally:
        workspace.dvc("queue", "stop", "--kill")
    assert ended == ["Success", "Success"], workspace.dvc("queue", "status").output
    assert workspace.files("features") == before
    assert {setting(revision) for revision in experiments(workspace)} == {(5, True)}


def wait_for_queue(workspace: Workspace, tasks: int) -> list[str]:
    """How the tasks of the queue have ended, when all have."""
    end = time.monotonic() + PATIENCE
    while True:
        told = workspace.dvc("queue", "status").output
        ended = re.findall(r"\b(Success|Failed)\b", told)
        if len(ended) == tasks:
            return ended
        assert time.monotonic() < end, told
        time.sleep(1)


def experiments(workspace: Workspace) -> list[dict[str, Any]]:
    """What DVC shows of each experiment that starts from the branch as it is."""
    shown = json.loads(workspace.dvc("exp", "show", "--json").output)
    (base,) = (entry for entry in shown if entry["name"] == "main")
    return [revision for experiment in base["experiments"] for revision in experiment["revs"]]


def setting(revision: dict[str, Any]) -> tuple[int, bool]:
    """The seed of an experiment, and whether its network has a CRF."""
    params = revision["data"]["params"]["params.yaml"]["data"]
    (seed,) = params["train"]["seeds"]
    return seed, params["systems"]["adaptive_coattention"]["model"]["crf"]


def test_another_corpus(workspace: Workspace) -> None:
    """The paths and the types of the group `dataset` come with it."""
    corpus = workspace.path / "data" / "twitter2015"
    shutil.copytree(workspace.path / "samples" / "posts", corpus)
    for path in corpus.glob("*.txt"):
        path.write_text(path.read_text("utf-8").replace("-OTHER", "-MISC"), encoding="utf-8")
    done = workspace.dvc("exp", "run", "-S", "dataset=twitter2015", "vocab")
    assert done.ran == {"prepare"}  # MISC became OTHER again, so that the posts came out equal
    composed = yaml.safe_load((workspace.path / "conf/dataset/twitter2015.yaml").read_text("utf-8"))
    params = workspace.params()
    assert params["dataset"] == composed["dataset"]
    assert params["prepare"] == composed["prepare"]
    assert params["train"] == composed["train"]
    assert params["tag_posts"]["folds"] == 2  # the rest is as conf/config.yaml has it


def test_an_unknown_key_is_refused(workspace: Workspace) -> None:
    before = workspace.params()
    refused = workspace.dvc("exp", "run", "-S", "tags.topk=3", fails=True)
    assert "topk" in refused.output
    assert refused.ran == set()
    assert workspace.params() == before


def test_a_system_is_added_by_one_command(workspace: Workspace) -> None:
    """As docs/extending.md has it: it trains and is scored as it is, and reruns nothing else."""
    workspace.run(sys.executable, "-m", "cli", "new-system", "mine", "--reads", "regions")
    composed = workspace.path / "composed.yaml"
    workspace.compose("--params", str(composed))
    assert composed.read_bytes() == (workspace.path / "params.yaml").read_bytes()
    composed.unlink()
    before = workspace.files("metrics/details")
    done = workspace.repro()
    assert done.ran == {"code", "train_mine", "evaluate_mine", "leaderboard", "report"}
    assert before.items() <= workspace.files("metrics/details").items()
    assert "| mine " in (workspace.path / "metrics/leaderboard.md").read_text("utf-8")
    assert (workspace.path / "report/plots/types/mine.csv").is_file()  # for `dvc plots`
    checks = ["tests/systems", "tests/cli/test_new_system.py"]
    shutil.copytree(ROOT / "tests", workspace.path / "tests")
    shutil.copytree(ROOT / "benchmarks", workspace.path / "benchmarks")
    shutil.copy2(ROOT / "pyproject.toml", workspace.path)
    workspace.run(sys.executable, "-m", "pytest", "-k", "mine", "-p", "no:cacheprovider", *checks)
