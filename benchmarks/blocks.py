"""Blocks of params.yaml, for benchmarks and tests that change a few of their values."""

from pathlib import Path
from typing import TypeVar

from pipeline.params.block import Block, read
from pipeline.params.runtime import Runtime

PARAMS = Path(__file__).resolve().parents[1] / "params.yaml"

B = TypeVar("B", bound=Block)


def of_project(section: str, block: type[B], **changes: object) -> B:
    """The block at the dotted path `section`, with some of its values replaced."""
    return block.model_validate(read(PARAMS, section, block).model_dump() | changes)


def quiet(**changes: object) -> Runtime:
    """The block `runtime` on the CPU, without a progress bar, and with no states of trainings."""
    still = {"device": "cpu", "progress": "none", "checkpoints": None}
    return of_project("runtime", Runtime, **(still | changes))
