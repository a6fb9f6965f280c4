"""Knobs that cannot change a number; no stage of dvc.yaml depends on them."""

from typing import Literal

from pydantic import Field

from pipeline.params.block import Block

Engine = Literal["local", "ray"]


class Runtime(Block):
    """Knobs that cannot change a number; no stage of dvc.yaml depends on them."""

    device: str  # auto: cuda if there is one, else cpu
    batch: int = Field(ge=1)  # the network computes so many images, or windows of words, at a time
    workers: int = Field(ge=1)  # so many threads decode images
    engine: Engine  # ray: a cluster's CPUs decode, its GPUs or CPUs compute
    actors: int | None = Field(ge=1)  # ray's, each with the network; None: one a GPU, or a CPU
    deterministic: bool  # on CUDA: sums in one order, so that a training repeats to the bit; slower
    processes: int | None = Field(ge=1)  # trainings, or batches of an evaluation, side by side on
    # the CPU; None: by the cores
    checkpoints: str | None  # the folder of trainings' states; None: none are kept
    fresh: bool  # whether states that are there are ignored
    checkpoint_seconds: float = Field(ge=0)  # between two states of a training
    progress: Literal["auto", "bar", "lines", "none"]
    weights_dir: str | None  # a mirror folder of weight files
