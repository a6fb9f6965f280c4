"""The tiny corpus as a fixture."""

from pathlib import Path

import pytest

from tests.training.tiny import Workspace, make_workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path / "features")
