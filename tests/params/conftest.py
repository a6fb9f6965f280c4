"""A params.yaml of a test's own."""

from pathlib import Path

import pytest

from tests.params.blocks import Write


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """`write(content)` writes it, and gives its path."""

    def text(content: str) -> Path:
        path = tmp_path / "params.yaml"
        path.write_text(content, encoding="utf-8")
        return path

    return text
