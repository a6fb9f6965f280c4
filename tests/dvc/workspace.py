"""A small copy of the project in which DVC runs for real: its own Git, cache, corpus and sizes."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, chdir
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import yaml
from dvc.repo import Repo

from pipeline.systems.system import known_systems

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
DVC = BIN / "dvc"

PROJECT = (
    "pipeline",
    "stages",
    "cli",
    "conf",
    "samples/graph",
    "features/context/none",
    "dvc.yaml",
    ".dvcignore",
    ".gitattributes",
    ".gitignore",
    "requirements.lock",
)
PATIENCE = 600  # seconds until a command is taken to hang
IMAGES = 10  # two shards; a third one begins beyond sixteen
ENTITY_IMAGES = 63  # of the graph
POSTS = {"train": 16, "dev": 6, "test": 6}
OUTPUTS = ("features", "models", "metrics", "predictions", "curves", "report")
SYSTEMS = tuple(known_systems())

RUNNING = re.compile(r"^Running stage '(.+?)'", re.MULTILINE)
TINY = {  # what keeps a training at a second
    "training": {"max_epochs": 1, "batch_posts": 8},
    "model": {"hidden": 8},
}


def both(*systems: str) -> set[str]:
    """The stages that train and evaluate these systems."""
    return {f"{step}_{system}" for step in ("train", "evaluate") for system in systems}


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    words: tuple[str, ...]
    code: int
    output: str  # standard output and error, as they came

    @property
    def ran(self) -> set[str]:
        """The stages that DVC ran, or would have run if it was asked for `--dry`."""
        return set(RUNNING.findall(self.output))


@dataclass(frozen=True)
class Workspace:
    """A folder with the project in it."""

    path: Path
    env: Mapping[str, str] = field(repr=False)

    def run(self, *words: str | Path, fails: bool = False, env: Mapping[str, str] = {}) -> Done:
        """Run a command here; it must succeed, or must fail where `fails` says so."""
        given = tuple(map(str, words))
        # What a command leaves running may hold its output open: a file is read when the command
        # has ended, where a pipe would be waited for.
        with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
            ended = subprocess.Popen(
                given,
                cwd=self.path,
                env={**self.env, **env},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                code = ended.wait(timeout=PATIENCE)
            except BaseException:
                os.killpg(ended.pid, signal.SIGKILL)
                ended.wait()
                raise
            finally:
                said.seek(0)
                output = said.read()
                print(output)  # pytest shows it of a test that fails
        done = Done(given, code, output)
        assert (done.code != 0) == fails, f"{' '.join(given)}: exit {done.code}\n{done.output}"
        assert "Traceback" not in done.output, done.output
        return done

    def dvc(self, *words: str, fails: bool = False, env: Mapping[str, str] = {}) -> Done:
        return self.run(DVC, *words, fails=fails, env=env)

    def repro(self, *words: str, fails: bool = False, env: Mapping[str, str] = {}) -> Done:
        """`dvc repro`, which takes nothing from earlier runs of the same inputs."""
        return self.dvc("repro", "--no-run-cache", *words, fails=fails, env=env)

    def git(self, *words: str) -> Done:
        return self.run("git", *words)

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def compose(self, *overrides: str) -> None:
        """Write params.yaml from conf/."""
        self.run(sys.executable, "-m", "cli", "params", *overrides)

    def change(self, changes: Mapping[str, Any]) -> None:
        """Set values of params.yaml by their dotted keys; each must be there and be another."""
        tree = self.params()
        for key, value in changes.items():
            *sections, name = key.split(".")
            block = tree
            for section in sections:
                block = block[section]
            assert name in block, f"{key} is not in params.yaml"
            assert block[name] != value, f"{key} is {value!r} already"
            block[name] = value
        dumped = yaml.safe_dump(tree, sort_keys=False)
        (self.path / "params.yaml").write_text(dumped, encoding="utf-8")

    def params(self) -> dict[str, Any]:
        """What params.yaml holds."""
        tree: dict[str, Any] = yaml.safe_load((self.path / "params.yaml").read_text("utf-8"))
        return tree

    def lock(self) -> dict[str, Any]:
        """What dvc.lock holds."""
        tree: dict[str, Any] = yaml.safe_load((self.path / "dvc.lock").read_text("utf-8"))
        return tree

    def would_run(self) -> set[str]:
        """The stages that `dvc repro --dry` lists: those whose own inputs or outputs changed.

        Asked inside this process, which spares DVC's start.
        """
        with ExitStack() as stack:
            stack.enter_context(mock.patch.dict(os.environ, self.env, clear=True))
            stack.enter_context(chdir(self.path))
            stack.enter_context(warnings.catch_warnings(action="ignore"))  # of what DVC stands on
            repo = stack.enter_context(Repo())
            return {stage.addressing for stage in repo.reproduce(dry=True)}

    def copy(self, path: Path) -> Workspace:
        """The same at `path`, but for DVC's temporary files."""
        shutil.copytree(self.path, path, symlinks=True, ignore=_not_tmp)
        return Workspace(path, self.env)

    def files(self, *folders: str) -> dict[str, bytes]:
        """Path -> bytes of every file in `folders`, DVC's .gitignore files left out."""
        found = {}
        for folder in folders:
            for path in sorted((self.path / folder).rglob("*")):
                if path.is_file() and path.name != ".gitignore":
                    found[path.relative_to(self.path).as_posix()] = path.read_bytes()
        return found


def environment(home: Path) -> dict[str, str]:
    """Of every command: this Python's programs first, no settings or caches of the user's."""
    who = {f"GIT_{role}_NAME": "Test" for role in ("AUTHOR", "COMMITTER")}
    mail = {f"GIT_{role}_EMAIL": "test@example.org" for role in ("AUTHOR", "COMMITTER")}
    dvc = {f"DVC_{name}_DIR": str(home / name) for name in ("GLOBAL_CONFIG", "SYSTEM_CONFIG")}
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "DVC", "PYTHON"))}
    return {
        **kept,
        **who,
        **mail,
        **dvc,
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "DVC_SITE_CACHE_DIR": str(home / "site"),
        "DVC_NO_ANALYTICS": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "OMP_NUM_THREADS": "1",
    }


def make_workspace(path: Path, env: Mapping[str, str]) -> Workspace:
    """The project with a small corpus and small networks, composed and committed, nothing run."""
    path.mkdir()
    for name in PROJECT:
        _copy(ROOT / name, path / name)
    (path / ".dvc").mkdir()
    _copy(ROOT / ".dvc" / "config", path / ".dvc" / "config")
    _copy(ROOT / ".dvc" / ".gitignore", path / ".dvc" / ".gitignore")
    _write_corpus(path)
    _shrink(path / "conf")
    workspace = Workspace(path, env)
    workspace.compose()
    workspace.git("init", "--quiet", "--initial-branch", "main")
    workspace.commit("The project with a small corpus")
    return workspace


def sample_images() -> list[Path]:
    """The photographs of the sample corpus, by name."""
    return sorted((ROOT / "samples" / "images").glob("*.jpg"))


def sample_posts(split: str) -> list[str]:
    """The posts of a split of the sample corpus, as they stand in its file."""
    text = (ROOT / "samples" / "posts" / f"{split}.txt").read_text(encoding="utf-8")
    return text.rstrip("\n").split("\n\n")


def write_posts(path: Path, posts: Iterable[str]) -> None:
    """Write posts as a CoNLL file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join(posts) + "\n", encoding="utf-8")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy2(source, target)


def _not_tmp(folder: str, names: list[str]) -> set[str]:
    return {"tmp"} & set(names) if Path(folder).name == ".dvc" else set()


def _write_corpus(path: Path) -> None:
    """The first images of the sample corpus, and posts that name one of them or none."""
    images = sample_images()[:IMAGES]
    (path / "data" / "images").mkdir(parents=True)
    for image in images:
        shutil.copy2(image, path / "data" / "images")
    known = {f"IMGID:{image.stem}" for image in images}
    for split, count in POSTS.items():
        of_split = sample_posts(split)
        posts = [post for post in of_split if post.splitlines()[0] in known][: count - 1]
        without = [post for post in of_split if post.splitlines()[0] == "IMGID:"][:1]
        write_posts(path / "samples" / "posts" / f"{split}.txt", [*posts, *without])
    # Of all pictures: those that are not there are left out by the captioner, and told.
    _copy(ROOT / "samples" / "captions.json", path / "samples" / "captions.json")


def _shrink(conf: Path) -> None:
    """Point the sample corpus at `data/images`, and make every training short."""
    sample = {
        "dataset": {"images": "data/images"},
        "train": {"seeds": [1], "max_epochs": 1, "batch_posts": None},
        "segmenter": {"phrases": 60},
    }
    _update(conf / "dataset" / "sample.yaml", sample)
    for system in SYSTEMS:
        if system != "cwi_attention":  # which stands on cwi's
            _update(conf / "system" / system / "tuned.yaml", TINY)
    _update(conf / "segmenter" / "quick.yaml", {"training": {"max_epochs": 1}})
    short = {"runtime": {"progress": "none"}, "tag_posts": {"folds": 2}}
    _update(conf / "config.yaml", short | {"captioner": {"training": {"max_epochs": 1}}})


def _update(path: Path, changes: Mapping[str, Any]) -> None:
    """Change values of a file of conf/, which it has; its `@package` line stays first."""
    text = path.read_text(encoding="utf-8")
    head = text.splitlines(keepends=True)[0] if text.startswith("# @package") else ""
    tree = yaml.safe_load(text)
    _merge(tree, changes, str(path))
    path.write_text(head + yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")


def _merge(tree: dict[str, Any], changes: Mapping[str, Any], where: str) -> None:
    for key, value in changes.items():
        assert key in tree, f"{where} has no {key}"
        if isinstance(value, Mapping):
            _merge(tree[key], value, f"{where}: {key}")
        else:
            tree[key] = value
