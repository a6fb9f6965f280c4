"""What all tests share: the data beside the project, and torch's seed and threads."""

from pathlib import Path

import pytest

import stages  # noqa: F401  as in a stage, it says how threads wait before torch is imported

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data"


@pytest.fixture(autouse=True)
def _seeded() -> None:
    import torch

    torch.manual_seed(0)


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's root."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real corpora; the test is skipped, saying so, where it is absent."""
    if not DATA.is_dir():
        pytest.skip(f"needs the data folder {DATA.relative_to(ROOT.parent.parent)}")
    return DATA
