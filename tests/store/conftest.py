import os
from pathlib import Path

import pytest

from tests.store.oracle import extract, fingerprint, keys


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A path at which a test may write a store; its parent does not exist yet."""
    return tmp_path / "features" / "tags"


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not sync: it takes most of a run, and guards against loss of power, which no test stages.

    tests/test_files.py checks that files are synced, and in which order; the processes that
    tests/store/test_kill.py kills do sync.
    """
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of sixty images, which no test may change."""
    directory = tmp_path_factory.mktemp("features") / "tags"
    extract(directory, keys(range(60)), fingerprint(1))
    return directory
