"""Stages without networks import no torch, which takes longer than most of them work."""

import subprocess
import sys
from pathlib import Path

import pytest

STAGES = (
    "graph",
    "index_entity_images",
    "index_images",
    "knowledge",
    "label_index",
    "leaderboard",
    "mentions",
    "phrase_vectors",
    "prepare",
    "tags",
    "vectors",
    "vocab",
)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_without_networks_imports_no_torch(root: Path, stage: str) -> None:
    code = f"import sys, stages.{stage}; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("False\n", "")
