"""`dvc metrics show` and `dvc metrics diff` read the headline; run for real in a repository."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline.corpus.posts import Post
from pipeline.evaluation.scoring import score_system
from pipeline.files import write_json
from tests.evaluation.conftest import PICTURES, SETTING, Predict

DVC = Path(sys.executable).parent / "dvc"
SYSTEMS = ("bilstm_crf", "adaptive_coattention")
NAMES: dict[str, Any] = {"dataset": "sample", "setting": SETTING, "pictures": PICTURES}
Run = Callable[..., str]

pytestmark = [
    pytest.mark.dvc,
    pytest.mark.skipif(not DVC.exists(), reason=f"{DVC} is not here"),
    pytest.mark.skipif(shutil.which("git") is None, reason="git is not here"),
]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """`run(command, ...)` in an empty Git and DVC repository: its standard output."""
    who = {
        f"GIT_{role}_{key}": "x@y" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")
    }
    environment = os.environ | who | {"DVC_NO_ANALYTICS": "1", "COLUMNS": "200"}

    def command(*words: str) -> str:
        done = subprocess.run(
            words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    command("git", "init", "-q")
    command(str(DVC), "init", "-q")
    return command


def flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested keys joined by dots, as DVC names its columns."""
    leaves: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        leaves |= flat(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return leaves


def test_show_and_diff(tmp_path: Path, run: Run, posts: Sequence[Post], predict: Predict) -> None:
    wrong, cut = {"test/2": "B-PER I-PER"}, {"test/0": "B-PER I-PER O"}
    rows = {
        SYSTEMS[0]: [*predict(1, wrong), *predict(2, cut)],
        SYSTEMS[1]: predict(1, cut),  # one seed: its deviation is null
    }
    headlines = {}
    for name in SYSTEMS:
        headlines[name], _ = score_system(posts, rows[name], system=name, **NAMES)
        write_json(tmp_path / "metrics" / f"{name}.json", headlines[name])
    paths = [f"metrics/{name}.json" for name in SYSTEMS]
    (tmp_path / "dvc.yaml").write_text(json.dumps({"metrics": paths}))

    shown = json.loads(run(str(DVC), "metrics", "show", "--json"))[""]["data"]
    for name, path in zip(SYSTEMS, paths, strict=True):
        read = flat(shown[path]["data"])
        numbers = {key: value for key, value in flat(headlines[name]).items() if value is not None}
        assert read == numbers  # DVC leaves nulls out
    table = run(str(DVC), "metrics", "show").splitlines()
    assert len(table) == 1 + len(SYSTEMS)
    assert max(len(line) for line in table) <= 150  # a row still fits a wide terminal
    one_seed = next(line.split() for line in table if SYSTEMS[1] in line)
    assert one_seed[table[0].split().index("test.strict.deviation")] == "-"

    run("git", "add", "-A")
    run("git", "commit", "-qm", "scores")
    headline, _ = score_system(posts, predict(1), system=SYSTEMS[0], **NAMES)
    write_json(tmp_path / paths[0], headline)
    diff = json.loads(run(str(DVC), "metrics", "diff", "--json"))[paths[0]]
    before = headlines[SYSTEMS[0]]["test"]["strict"]["f1"]
    assert diff["test.strict.f1"] == {
        "old": before,
        "new": 100.0,
        "diff": pytest.approx(100 - before),
    }
    assert diff["seeds"] == {"old": 2, "new": 1, "diff": -1}
    assert diff["test.strict.deviation"]["new"] is None
    assert "dev.strict.f1" not in diff  # unchanged
