"""DVC's own views of what came out: plots, metrics and experiments, with no more set-up."""

import json
from typing import Any

import pytest

from tests.dvc.workspace import SYSTEMS, Workspace

pytestmark = pytest.mark.dvc


def told(workspace: Workspace, *words: str) -> Any:
    """The JSON that a command of DVC prints; warnings may stand before it."""
    output = workspace.dvc(*words, "--json").output
    return json.loads(output[min(output.find(sign) for sign in "[{" if sign in output) :])


def test_plots(reproduced: Workspace) -> None:
    found = told(reproduced, "plots", "show")
    assert "errors" not in found
    plots = found["data"]
    for system in SYSTEMS:
        for name in (f"types/{system}.csv", f"confusion/{system}.csv"):
            assert f"report/plots/{name}" in plots
        assert f"curves/{system}/seed-1/plots/metrics/dev_f1.tsv" in plots
    (types,) = plots["report/plots/types/bilstm_crf.csv"]
    assert types["content"]["mark"] == {"type": "bar"}
    assert axes(types["content"]) == ("f1", "type")
    (confusion,) = plots["report/plots/confusion/bilstm_crf.csv"]
    assert confusion["content"]["spec"]["layer"][0]["mark"] == "rect"
    assert axes(confusion["content"]["spec"]) == ("predicted", "gold")


def axes(content: dict[str, Any]) -> tuple[str, str]:
    """The columns on the axes of a plot."""
    encoding = content["encoding"]
    return encoding["x"]["field"], encoding["y"]["field"]


def test_metrics_and_experiments(reproduced: Workspace) -> None:
    headlines = {f"metrics/{system}.json" for system in SYSTEMS}
    (shown,) = told(reproduced, "metrics", "show").values()
    assert headlines <= shown["data"].keys()
    baseline = told(reproduced, "exp", "show")[1]
    assert headlines <= baseline["data"]["metrics"].keys()
    assert "order_by" in baseline["data"]["params"]["params.yaml"]["data"]["leaderboard"]


def test_what_has_changed(workspace: Workspace) -> None:
    """Scores, types and curves of a system that was trained in another way, beside those before."""
    workspace.change({"systems.bilstm_crf.training.max_epochs": 3})
    workspace.repro("report")
    metrics = told(workspace, "metrics", "diff", "--all", "HEAD")
    assert {"old", "new"} <= metrics["metrics/bilstm_crf.json"]["dev.strict.f1"].keys()
    plots = told(workspace, "plots", "diff", "HEAD")["data"]
    curve = "curves/bilstm_crf/seed-1/plots/metrics/loss.tsv"
    for name in (curve, "report/plots/types/bilstm_crf.csv"):
        assert {revision for plot in plots[name] for revision in plot["revisions"]} == {
            "HEAD",
            "workspace",
        }
