"""Several at once on one project: each works, or says who is in its way."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from pipeline.store.reader import Reader
from tests.dvc.processes import holder
from tests.dvc.workspace import DVC, Workspace

pytestmark = pytest.mark.dvc

QUEUE = ("exp", "run", "--queue", "--allow-missing")


def test_a_second_repro_says_who_runs_and_the_first_ends_well(
    workspace: Workspace, tmp_path: Path
) -> None:
    whole = workspace.files("features/tags")
    store = workspace.path / "features" / "tags"
    for path in (store / "index.parquet", store / "store.json", min(store.glob("*.h5"))):
        path.unlink()
    command = [str(DVC), "repro", "--no-run-cache", "extract@tags"]
    with (tmp_path / "log").open("wb") as log:
        first = subprocess.Popen(
            command, cwd=workspace.path, env=workspace.env, stdout=log, stderr=log
        )
    stage = holder(workspace.path / "features" / "tags.lock", first)
    os.kill(stage, signal.SIGSTOP)  # so that it is still there when the second one comes
    try:
        refused = workspace.repro("extract@tags", fails=True)
        assert str(first.pid) in refused.output
        assert refused.ran == set()
    finally:
        os.kill(stage, signal.SIGCONT)
    assert first.wait() == 0, (tmp_path / "log").read_text(encoding="utf-8")
    assert workspace.files("features/tags") == whole
    assert workspace.would_run() == set()


def test_a_reader_two_queue_workers_and_dvc_gc(workspace: Workspace) -> None:
    """The store's files are links into DVC's cache, from which `dvc gc` takes what is unused."""
    workspace.dvc("config", "cache.type", "symlink")
    workspace.commit("Links")
    workspace.dvc("checkout", "--relink")
    expected = workspace.files("features/regions")
    reader = Reader(workspace.path / "features" / "regions")
    first, *others = reader.keys
    early = reader.row("grid", first).tobytes()
    for dropout in (0.3, 0.4):
        change = f"systems.adaptive_coattention.model.dropout={dropout}"
        workspace.dvc(*QUEUE, "-S", change, "evaluate_adaptive_coattention")
    workspace.dvc("exp", "run", "--run-all", "--jobs", "2")
    workspace.dvc("gc", "--workspace", "--all-experiments", "--force")
    later = reader.rows("grid", [first, *others])
    assert later[0].tobytes() == early
    fresh = Reader(workspace.path / "features" / "regions")
    assert fresh.rows("grid", [first, *others]).tobytes() == later.tobytes()
    assert workspace.files("features/regions") == expected
    shown = workspace.dvc("exp", "show", "--csv").output
    assert {"0.3", "0.4"} <= set(shown.replace("\n", ",").split(","))
    assert "Failed" not in shown
