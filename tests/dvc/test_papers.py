"""Tables and sweeps as a user makes them: commands printed, run by DVC, collected, printed."""

import sys
from collections import Counter
from collections.abc import Sequence

import pytest

from pipeline.evaluation.paper import experiment_of, known_papers, read_paper
from pipeline.evaluation.settings import NOTHING
from pipeline.systems.system import find_system
from tests.dvc.workspace import Workspace

pytestmark = pytest.mark.dvc


def chosen(name: str) -> list[str]:
    """Two runs of a paper on what the sample has: its own system as printed, and as tuned.

    The small project has the tuned model already, so that the second takes DVC's time alone.
    """
    runs = {
        key: run
        for key, run in read_paper(name).runs.items()
        if run.needs in (None, "pictures") and not run.vectors and not run.elsewhere
    }
    (own, _), *_ = Counter(run.system for run in runs.values()).most_common()
    of_own = {key: run for key, run in runs.items() if run.system == own and not run.settings}
    return [
        next(key for key, run in of_own.items() if run.preset == preset)
        for preset in ("published", "tuned")
    ]


def mner(workspace: Workspace, *words: str) -> str:
    return workspace.run(sys.executable, "-m", "cli", *words).output


@pytest.mark.parametrize("paper", known_papers())
def test_a_paper_from_its_commands_to_its_tables(paper: str, workspace: Workspace) -> None:
    runs = {key: read_paper(paper).runs[key] for key in chosen(paper)}
    small = [f"systems.{run.system}.model.hidden=8" for run in runs.values()]
    asked = ["tables", "--paper", paper]
    overrides = [word for one in dict.fromkeys(small) for word in ("-S", one)]
    lines = mner(workspace, *asked, "--commands", *overrides).splitlines()
    by_run = {line.split("--name ")[1].split()[0]: line for line in lines}
    execute(workspace, [by_run[experiment_of(paper, key)] for key in runs])
    printed = mner(workspace, *asked, "--collect")
    for key, run in runs.items():
        ours = [line for line in printed.splitlines() if f"| {run.called} " in line]
        assert any(NOTHING not in line for line in ours), (key, printed)
        backbones = [read for read in find_system(run.system).reads if read.role is not None]
        assert ("| efficientnet_lite0 |" in squeezed(printed)) == bool(backbones)
    assert "| Corpus |" in squeezed(printed)
    collected = {by_run[experiment_of(paper, key)] for key in runs}
    left = mner(workspace, *asked, "--commands", *overrides).splitlines()
    assert left == [line for line in lines if line not in collected]


def execute(workspace: Workspace, lines: Sequence[str]) -> None:
    """As `... --commands | sh` does: none may read the commands that follow it."""
    (workspace.path / "tmp").mkdir()
    (workspace.path / "tmp/commands").write_text("\n".join(["set -e", *lines, ""]), "utf-8")
    workspace.run("sh", "-c", "sh < tmp/commands")


def squeezed(text: str) -> str:
    return " ".join(text.split())


def test_a_sweep_from_its_commands_to_its_plot(workspace: Workspace) -> None:
    asked = ["sweep", "--system", "attributes_knowledge", "-S", "knowledge.theta=0.9,0.99"]
    execute(workspace, mner(workspace, *asked, "--commands").splitlines())
    printed = squeezed(mner(workspace, *asked, "--collect"))
    assert "| knowledge.theta | Test F1 | Dev F1 | Posts with knowledge |" in printed
    assert NOTHING not in printed
    plot = (workspace.path / "metrics/sweeps/attributes_knowledge-theta/plot.svg").read_text(
        "utf-8"
    )
    assert plot.count("<polyline") == 2
