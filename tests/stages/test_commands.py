"""Every stage as a command: a fault ends it with exit status 1 and a sentence."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stages.conftest import COMMANDS, ROOT, Project, sentence

MADE_UP = (  # files that stages expect
    "features/tags/x",
    "features/tags.parquet",
    "features/captions.parquet",
    "features/knowledge.parquet",
    "features/thumbnails/x",
    "features/entity_thumbnails/x",
    "features/regions/store.json",
    "predictions/x",
    "curves/x",
    "web/x",
    "features/hashtags.parquet",
    "features/graph/x",
    "features/label_index/x",
    "features/depictions.parquet",
    "features/entity_images.parquet",
    "features/entity_images/x",
    "features/mentions.parquet",
    "features/caption/x",
    "captions.json",
    "graph.nt",
    "models/c/x",
    "models/m/x",
    "models/s/x",
    "metrics/details/d.json",
)
NETWORKS = {  # the stages that import torch, which takes longer than most of the others work
    "caption",
    "evaluate",
    "extract",
    "hashtags",
    "tag_posts",
    "train",
    "train_captioner",
    "train_segmenter",
}


@pytest.fixture
def faulty(project: Project) -> Project:
    """A project with all that stages expect, and a fault that they all see."""
    project.params(lambda tree: tree.update(seeds=[1]))
    for name in MADE_UP:
        project.write(name, "{}")
    return project


def is_refused(code: object, stdout: str, stderr: str) -> None:
    assert code == 1, stderr
    assert sentence(stderr).startswith("params.yaml: unknown section 'seeds'")
    assert not stdout


@pytest.mark.parametrize("stage", sorted(COMMANDS.keys() - NETWORKS | {"train"}))
def test_as_a_command(faulty: Project, stage: str) -> None:
    """As DVC runs it, in a process of its own; without networks, it can do without torch."""
    if stage not in NETWORKS:
        faulty.write("torch.py", "raise ImportError('this stage needs no torch')")
    done = subprocess.run(
        [sys.executable, "-m", f"stages.{stage}", *COMMANDS[stage].split()],
        cwd=faulty.path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    is_refused(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("stage", sorted(NETWORKS))
def test_as_a_command_with_networks(
    faulty: Project,
    stage: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As `python -m` runs it, but in this process, which has torch; DVC's tests run all alone."""
    monkeypatch.chdir(faulty.path)
    monkeypatch.setattr(sys, "argv", [stage, *COMMANDS[stage].split()])
    monkeypatch.delitem(sys.modules, f"stages.{stage}", raising=False)
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(f"stages.{stage}", run_name="__main__")
    is_refused(ended.value.code, *capsys.readouterr())


@pytest.mark.parametrize("stage", sorted(COMMANDS))
def test_inputs_that_are_not_there(tmp_path: Path, stage: str) -> None:
    """In an empty folder, every stage is refused, with the option that names what is missing."""
    done = Project(tmp_path).call(stage)
    assert done.exit_code == 2  # click's, for a fault of the command line
    assert "does not exist" in done.stderr
    assert not list(tmp_path.iterdir())
