"""All tests share the data beside the project, and torch's seed."""

import os
import signal
from pathlib import Path

import pytest

# The suite runs in as many processes as there are cores: further threads of torch would only wait
# for each other, and spin. OpenMP reads this when torch is first imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

import stages  # noqa: F401  as in a stage, it says how threads wait before torch is imported

# A shell's background job ignores Ctrl-C, and so would every child of the tests: those that
# interrupt one would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)

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
