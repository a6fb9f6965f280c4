"""The small copy of the project, once composed and once reproduced, for all tests of a session."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.dvc.workspace import DVC, Workspace, environment, make_workspace

Copy = Callable[[], Workspace]


@pytest.fixture(scope="session")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The project with a small corpus, composed and committed; nothing has run. Leave it so."""
    for program in (str(DVC), "git"):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}")
    place = tmp_path_factory.mktemp("dvc")
    return make_workspace(place / "composed", environment(place))


@pytest.fixture(scope="session")
def reproduced(composed: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The same after `dvc repro`, committed. Leave it so: tests change copies of it."""
    made = composed.copy(tmp_path_factory.mktemp("dvc") / "reproduced")
    made.repro()
    made.commit("Reproduced")
    return made


@pytest.fixture
def workspace(reproduced: Workspace, tmp_path: Path) -> Workspace:
    """A reproduced copy of a test's own."""
    return reproduced.copy(tmp_path / "project")
