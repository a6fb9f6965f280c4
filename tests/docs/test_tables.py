"""docs/tables/PAPER.md is what `mner tables` prints of the runs in metrics/tables."""

from pathlib import Path

import pytest

from pipeline.evaluation.paper import known_papers
from pipeline.evaluation.paper_tables import paper_tables
from tests.conftest import ROOT


@pytest.mark.parametrize("paper", known_papers())
def test_a_papers_page_is_what_its_runs_give(paper: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    page = (ROOT / "docs" / "tables" / f"{paper}.md").read_text(encoding="utf-8")
    assert page == paper_tables(paper, Path("metrics/tables"))
