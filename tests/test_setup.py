"""`make setup` leaves alone an environment that it did not make at this place."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose path has a blank, and whose environment is up to date."""
    made = tmp_path / "my project"
    made.mkdir()
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, made)
    command = [sys.executable, "-m", "venv", "--without-pip", str(made / ".venv")]
    subprocess.run(command, check=True)
    for name in ("requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, made / ".venv")
    return made


def setup(project: Path) -> tuple[int, str]:
    """The exit status of `make setup`, and what it says."""
    command = ["make", "--no-print-directory", "setup", "PYTHON=false"]  # nothing is installed
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    return done.returncode, done.stdout


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def test_an_environment_of_this_place_that_is_up_to_date(project: Path) -> None:
    assert setup(project) == (0, "")


def test_a_project_that_is_reached_through_a_link(project: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(project)
    assert setup(tmp_path / "alias") == (0, "")


@pytest.mark.parametrize("current", [True, False])
def test_an_environment_that_is_a_link(project: Path, tmp_path: Path, current: bool) -> None:
    elsewhere = tmp_path / "shared environment"
    (project / ".venv").rename(elsewhere)
    (project / ".venv").symlink_to(elsewhere)
    if not current:
        (project / "requirements.lock").write_text("another==1\n")
    before = content(elsewhere)
    code, said = setup(project)
    assert code != 0
    assert said.splitlines() == [
        ".venv is a link, and what it leads to would be emptied: remove the link, and make setup"
        " makes a new one"
    ]
    assert content(elsewhere) == before


@pytest.mark.parametrize("current", [True, False])
def test_an_environment_that_was_moved(project: Path, tmp_path: Path, current: bool) -> None:
    moved = project.rename(tmp_path / "new name")
    if not current:
        (moved / "requirements.lock").write_text("another==1\n")
    before = content(moved / ".venv")
    code, said = setup(moved)
    assert code != 0
    assert said.startswith(".venv was made at another place")
    assert len(said.splitlines()) == 1
    assert content(moved / ".venv") == before
