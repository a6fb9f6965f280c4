"""The small copy of the project, once composed and once reproduced, for all tests of a run."""

import fcntl
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.dvc.workspace import DVC, Workspace, environment, make_workspace

TRACES = "traces"  # the folder of the modules that stages imported


@pytest.fixture(scope="session")
def shared_place(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all processes of a run share, for what they need make only once."""
    for program in (str(DVC), "git"):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}")
    own = tmp_path_factory.getbasetemp()
    place = (own if worker_id == "master" else own.parent) / "dvc"  # several have one parent
    place.mkdir(exist_ok=True)
    return place


@pytest.fixture(scope="session")
def composed(shared_place: Path) -> Workspace:
    """The project with a small corpus, composed and committed; nothing has run. Leave it so."""
    env = environment(shared_place)
    return once(shared_place / "composed", env, lambda path: make_workspace(path, env))


@pytest.fixture(scope="session")
def reproduced(composed: Workspace, shared_place: Path) -> Workspace:
    """The same after `dvc repro`, committed. Leave it so: tests change copies of it."""

    def make(path: Path) -> Workspace:
        made = composed.copy(path)
        made.repro(env=trace_imports(shared_place))
        made.commit("Reproduced")
        return made

    return once(shared_place / "reproduced", composed.env, make)


@pytest.fixture(scope="session")
def imported(reproduced: Workspace, shared_place: Path) -> dict[str, set[str]]:
    """Stage -> the project's modules that its run imported, when `reproduced` was made."""
    files = (shared_place / TRACES).glob("*.txt")
    return {path.stem: set(path.read_text("utf-8").split()) for path in files}


@pytest.fixture
def workspace(reproduced: Workspace, tmp_path: Path) -> Workspace:
    """A reproduced copy of a test's own."""
    return reproduced.copy(tmp_path / "project")


def trace_imports(place: Path) -> dict[str, str]:
    """The environment in which each stage writes, when it ends, which modules it imported."""
    (place / TRACES).mkdir(exist_ok=True)
    hook = f"""
import atexit, os, pathlib, sys

def write():
    stage = os.environ.get("DVC_STAGE")
    if stage:
        main = getattr(sys.modules["__main__"], "__spec__", None)
        names = {{*sys.modules, main.name if main else ""}}
        names = [name for name in names if name.split(".")[0] in ("pipeline", "stages")]
        path = pathlib.Path({str(place / TRACES)!r}) / f"{{stage}}.txt"
        path.write_text(" ".join(names), encoding="utf-8")

atexit.register(write)
"""
    (place / TRACES / "sitecustomize.py").write_text(hook, encoding="utf-8")
    return {"PYTHONPATH": str(place / TRACES)}


def once(path: Path, env: Mapping[str, str], make: Callable[[Path], Workspace]) -> Workspace:
    """What `make(path)` gives; of several processes one makes it, and the others wait.

    DVC's state names files by their absolute paths, so it is made in its place, not moved there.
    """
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = path.with_suffix(".done")
        if not done.exists():
            shutil.rmtree(path, ignore_errors=True)  # what one who failed has left
            make(path)
            done.touch()
        return Workspace(path, env)
