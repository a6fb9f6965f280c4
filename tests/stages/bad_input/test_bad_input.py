"""Every bad input ends a stage or command with its message, and harms nothing."""

import importlib
import os
import shutil
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.__main__ import main as mner
from tests.stages.bad_input.case import Case
from tests.stages.bad_input.knowledge import NAMED
from tests.stages.bad_input.matrix import MATRIX, page
from tests.stages.conftest import COMMANDS, ROOT, Project, sentence

CASES = [(title, case) for title, cases in MATRIX.items() for case in cases]


@pytest.fixture(scope="session")
def ready(sound: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that has all that the matrix spoils. Leave it so."""
    made = Project(tmp_path_factory.mktemp("bad") / "project")
    shutil.copytree(sound.path, made.path)
    made.params(lambda tree: tree["train"].update(max_epochs=1, seeds=[1]))
    made.params(lambda tree: tree["systems"]["bilstm_crf"].update(vectors=["mine"]))
    made.params(lambda tree: tree["runtime"].update(device="cpu", progress="none"))
    made.write("graph.nt", NAMED)
    made.write("metrics/leaderboard.md", "earlier\n")
    for stage in ("extract", "tags", "graph", "train", "evaluate"):
        made.passes(stage)
    return made


@pytest.fixture
def spoiled(ready: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A copy of a test's own, on a machine without weights."""
    shutil.copytree(ready.path, tmp_path / "project")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "hub"))
    return Project(tmp_path / "project")


def words_of(case: Case) -> list[str]:
    """What is typed behind `python -m`."""
    program, *further = case.run.split()
    if program == "mner":
        return ["cli", *further]
    words = COMMANDS[program].split()
    for option, value in zip(further[::2], further[1::2], strict=True):
        words[words.index(option) + 1] = value
    return [f"stages.{program}", *words]


def run(project: Project, case: Case) -> Result:
    module, *words = words_of(case)
    main = mner if module == "cli" else importlib.import_module(module).main
    with chdir(project.path):
        done = CliRunner().invoke(main, words)
    if not isinstance(done.exception, SystemExit | None):
        raise AssertionError(f"{case.run} would print a traceback") from done.exception
    return done


@pytest.mark.parametrize("case", [pytest.param(c, id=f"{t}: {c.wrong}") for t, c in CASES])
def test_bad_input(spoiled: Project, case: Case) -> None:
    case.spoil(spoiled)
    before = spoiled.files()
    done = run(spoiled, case)
    assert "\x1b" not in done.output
    if case.counted:
        assert done.exit_code == 0, done.output
        assert case.told(done.stdout), done.stdout
        return
    assert done.exit_code == 1, done.output
    message = sentence(done.stderr)
    assert case.told(message), message
    assert not done.stdout
    assert spoiled.files() == before


@pytest.mark.slow
@pytest.mark.parametrize("title", MATRIX)
def test_in_a_process_of_its_own(spoiled: Project, title: str) -> None:
    case = MATRIX[title][-1] if title == "Corpora in CoNLL" else MATRIX[title][0]
    case.spoil(spoiled)
    done = subprocess.run(
        [sys.executable, "-m", *words_of(case)],
        cwd=spoiled.path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == (0 if case.counted else 1)
    assert case.told(done.stdout if case.counted else sentence(done.stderr))


def test_the_page_is_the_matrix() -> None:
    assert (ROOT / "docs" / "bad-input.md").read_text(encoding="utf-8") == page()


def test_the_matrix_is_large_and_has_no_case_twice() -> None:
    assert len(CASES) >= 60
    assert len({(title, case.wrong) for title, case in CASES}) == len(CASES)
