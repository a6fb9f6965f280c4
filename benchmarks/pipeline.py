"""What DVC costs beside the stages' own work: this project's stages against bare DVC, in one run.

Both projects run commands that cost nothing. Ours is dvc.yaml as it stands, each command replaced
by one that copies a small file to its outputs. The bare one is a chain of stages of `cp`, with six
deps and two params each, and the same params.yaml. So what is timed is DVC alone: how it reads
stages and params, hashes, and writes dvc.lock.
"""

from __future__ import annotations

import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import yaml

ROOT = Path(__file__).resolve().parents[1]
DVC = Path(sys.executable).with_name("dvc")
CONTENT = "content"  # the file that every command copies
BARE_STAGES = 40
BARE_DEPS, BARE_PARAMS = 6, ("prepare", "tags")


@dataclass
class Project:
    """A folder in which DVC runs, and the seconds that its runs took."""

    path: Path
    stages: int
    run: list[float] = field(default_factory=list)  # every stage runs
    noop: list[float] = field(default_factory=list)  # `dvc repro` of what is up to date
    status: list[float] = field(default_factory=list)

    def measure(self) -> None:
        """Time one run of every stage, one that finds nothing to do, and one status."""
        self.noop.append(self._dvc("repro"))
        self.status.append(self._dvc("status"))
        self.run.append(self._dvc("repro", "--force", "--no-run-cache"))

    def start(self) -> None:
        """Make a Git and DVC project of the folder, and run every stage once."""
        subprocess.run(["git", "init", "--quiet"], cwd=self.path, check=True)
        shutil.copytree(
            ROOT / ".dvc", self.path / ".dvc", ignore=shutil.ignore_patterns("tmp", "cache")
        )
        shutil.copy2(ROOT / ".dvcignore", self.path)
        self._dvc("repro", "--no-run-cache")

    def _dvc(self, *words: str) -> float:
        site = {"DVC_SITE_CACHE_DIR": str(self.path / ".dvc" / "site")}
        started = time.monotonic()
        done = subprocess.run(
            [DVC, *words], cwd=self.path, env=os.environ | site, capture_output=True, text=True
        )
        seconds = time.monotonic() - started
        if done.returncode:
            raise click.ClickException(f"dvc {' '.join(words)} failed:\n{done.stdout}{done.stderr}")
        return seconds


@click.command()
@click.option("--rounds", default=3, show_default=True, help="medians over these are printed")
def main(rounds: int) -> dict[str, float]:
    """Time no-op, status and a stage's overhead of this project and of bare DVC, in turn."""
    with tempfile.TemporaryDirectory() as folder:
        ours, bare = _ours(Path(folder) / "ours"), _bare(Path(folder) / "bare")
        for project in (ours, bare):
            project.start()
        for _ in range(rounds):
            for project in (ours, bare):
                project.measure()
    return {
        f"{prefix}{name}": round(seconds, 3)
        for prefix, project in (("", ours), ("bare_", bare))
        for name, seconds in _medians(project).items()
    }


def _medians(project: Project) -> dict[str, float]:
    """Seconds of each kind; those of a stage are what a run takes beyond one that runs none."""
    noop, run = statistics.median(project.noop), statistics.median(project.run)
    return {
        "noop_s": noop,
        "status_s": statistics.median(project.status),
        "stage_s": (run - noop) / project.stages,
    }


def _ours(path: Path) -> Project:
    """The tracked files of this project, with commands that only write their outputs."""
    copy_tracked(path)
    (path / "dvc.lock").unlink(missing_ok=True)
    (path / CONTENT).write_text("content\n", encoding="utf-8")
    tree = yaml.safe_load((path / "dvc.yaml").read_text(encoding="utf-8"))
    stages = {name: stage.get("do", stage) for name, stage in tree["stages"].items()}
    for name, stage in stages.items():
        stage["cmd"] = _code(path) if name == "code" else _copies(_outputs(stage))
    _dump(tree, path / "dvc.yaml")
    done = subprocess.run(
        [DVC, "stage", "list", "--all", "--name-only"], cwd=ROOT, check=True, capture_output=True
    )
    return Project(path, len(done.stdout.split()))


def copy_tracked(path: Path) -> None:
    """Copy the files of this project that Git has or would take, but for tests, to a folder."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file() and not name.startswith((".dvc", "tests/")):
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, path / name)


def _code(path: Path) -> str:
    """The digests as they are, since other stages name them among their params."""
    command = [sys.executable, "-m", "stages.code", "--digests", "digests.json"]
    subprocess.run(command, cwd=path, check=True, capture_output=True)
    return "cp digests.json code.json"


def _outputs(stage: dict[str, Any]) -> list[str]:
    """The paths that a stage writes."""
    given = [out for kind in ("outs", "metrics", "plots") for out in stage.get(kind, [])]
    return [next(iter(out)) if isinstance(out, dict) else out for out in given]


def _copies(paths: Sequence[str]) -> str:
    """A command that writes each path: a file where it has a suffix, else a folder of one file."""
    files = [path if "." in path.rpartition("/")[2] else f"{path}/{CONTENT}" for path in paths]
    folders = dict.fromkeys(file.rpartition("/")[0] or "." for file in files)
    made = f"mkdir -p {' '.join(folders)}"
    return " && ".join([made, *(f"cp {CONTENT} {file}" for file in files)])


def _bare(path: Path) -> Project:
    """A chain of stages of `cp`."""
    path.mkdir()
    shutil.copy2(ROOT / "params.yaml", path)
    (path / "0").write_text("content\n", encoding="utf-8")
    beside = [f"beside-{number}" for number in range(BARE_DEPS - 1)]
    for name in beside:
        (path / name).write_text(f"{name}\n", encoding="utf-8")
    stages = {
        f"stage-{number}": {
            "cmd": shlex.join(["cp", str(number), str(number + 1)]),
            "deps": [str(number), *beside],
            "params": list(BARE_PARAMS),
            "outs": [str(number + 1)],
        }
        for number in range(BARE_STAGES)
    }
    _dump({"stages": stages}, path / "dvc.yaml")
    return Project(path, BARE_STAGES)


def _dump(tree: dict[str, Any], path: Path) -> None:
    path.write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
