"""All tests share the data beside the project, and torch's seed."""

from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data"


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's root."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real corpora; if it is absent, the test is skipped with a message."""
    if not DATA.is_dir():
        pytest.skip(f"needs the data folder {DATA.relative_to(ROOT.parent.parent)}")
    return DATA
