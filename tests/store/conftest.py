import os
from pathlib import Path

import pytest


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where a test may write a store; its parent does not exist yet."""
    return tmp_path / "features" / "tags"


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Syncing guards against a loss of power, which no test here stages, and takes most of a run.

    That files are synced, and in which order, is held in tests/test_files.py; the processes that
    tests/store/test_kill.py kills sync for real.
    """
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
