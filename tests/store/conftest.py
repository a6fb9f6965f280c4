from pathlib import Path

import pytest


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where a test may write a store; its parent does not exist yet."""
    return tmp_path / "features" / "tags"
