"""Blocks of params.yaml for tests, which then name only the keys that they are about."""

from pathlib import Path
from typing import Any, TypeVar

import yaml

from pipeline.params.block import Block
from pipeline.params.runtime import Runtime
from pipeline.params.vectors import VectorSource
from tests.conftest import ROOT

B = TypeVar("B", bound=Block)

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
}


def of_project(section: str, block: type[B], **changes: object) -> B:
    """A top-level section of the project's params.yaml, with some of its values replaced."""
    tree = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))[section]
    return block.model_validate(tree | changes)


def quiet(**changes: object) -> Runtime:
    """The project's block `runtime` on the CPU, without a progress bar."""
    return of_project("runtime", Runtime, **({"device": "cpu", "progress": "none"} | changes))


def text_source(path: Path, width: int) -> VectorSource:
    """A text file of word vectors."""
    return VectorSource(kind="text", path=str(path), package=None, width=width)
