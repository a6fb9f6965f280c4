"""How long it is from `dvc repro train_cnn_bilstm_crf` to the first finished step."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from benchmarks.pipeline import DVC, ROOT, copy_tracked
from benchmarks.training.chance import VECTORS
from pipeline.errors import PipelineError

STAGE, SYSTEM = "train_cnn_bilstm_crf", "cnn_bilstm_crf"
FIRST = re.compile(rb"epoch 1: .*?([1-9]\d*)/\d+")  # the bar, once a batch is done


def start_s(corpus: Path) -> float:
    """Seconds on the clock, in a project of this code with the caches of a made corpus.

    One seed is trained, since several show no bar. The bar is drawn each tenth of a second at most,
    which is as exact as this is.
    """
    with tempfile.TemporaryDirectory() as temporary:
        project = Path(temporary)
        _make(project, corpus)
        command = [str(DVC), "repro", "--single-item", STAGE]
        return round(first_step(command, project), 2)


def _make(project: Path, corpus: Path) -> None:
    copy_tracked(project)
    (project / "dvc.lock").unlink(missing_ok=True)
    params = yaml.safe_load((project / "params.yaml").read_text("utf-8"))
    params["train"] = {"seeds": [1], "max_epochs": 1, "batch_posts": None}
    params["runtime"]["progress"] = "bar"
    block = params["systems"][SYSTEM]
    block["vectors"], block["context"]["store"] = [VECTORS], "none"
    (project / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), "utf-8")
    features = project / "features"
    (features / "vectors").mkdir(parents=True, exist_ok=True)
    shutil.copy2(corpus / "posts.parquet", features)
    shutil.copytree(corpus / "vocab", features / "vocab")
    shutil.copy2(corpus / f"{VECTORS}.parquet", features / "vectors")
    shutil.copytree(ROOT / ".dvc", project / ".dvc", ignore=shutil.ignore_patterns("tmp", "cache"))
    shutil.copy2(ROOT / ".dvcignore", project)
    subprocess.run(["git", "init", "--quiet"], cwd=project, check=True)


def first_step(command: list[str], project: Path) -> float:
    """Run the command until its bar shows a batch, then kill it with all that it started."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    further = {"PATH": path, "DVC_SITE_CACHE_DIR": str(project / ".dvc" / "site")}
    begun = time.monotonic()
    running = subprocess.Popen(
        command,
        cwd=project,
        env=os.environ | further,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert running.stdout is not None
    shown = b""
    try:
        while part := os.read(running.stdout.fileno(), 1 << 16):
            shown += part
            if FIRST.search(shown):
                return time.monotonic() - begun
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    raise PipelineError(f"{STAGE} ended without a step:\n{shown.decode(errors='replace')}")
