"""Parts of params.yaml for tests, which then name only the keys that they are about."""

from pathlib import Path
from typing import Any

from benchmarks.blocks import of_project, quiet
from pipeline.params.vectors import VectorSource

__all__ = ["OPTIMIZATION", "of_project", "quiet", "text_source"]

# All of a block `Optimization` but the rate, the epochs and the patience: Adam at a constant rate.
OPTIMIZATION: dict[str, Any] = {
    "optimizer": "adam",
    "momentum": 0.0,
    "weight_decay": 0.0,
    "decay": 0.0,
    "clip_norm": None,
    "averaging": 0.0,
    "batch_posts": 16,
    "accumulate": 1,
    "table": "dense",
    "precision": "float32",
}


def text_source(path: Path, width: int) -> VectorSource:
    """A text file of word vectors."""
    return VectorSource(kind="text", path=str(path), package=None, width=width)
