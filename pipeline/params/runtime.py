"""Knobs that cannot change a number; no stage of dvc.yaml depends on them."""

from typing import Literal

from pydantic import Field

from pipeline.params.block import Block

Engine = Literal["local", "ray"]


class Runtime(Block):
    """Knobs that cannot change a number; no stage of dvc.yaml depends on them."""

    device: str = "auto"  # auto: cuda where there is one, else cpu
    batch: int = Field(16, ge=1)  # images that the network computes at a time
    workers: int = Field(2, ge=1)  # threads that decode images
    engine: Engine = "local"  # ray: a cluster's CPUs decode, its GPUs compute
    actors: int | None = Field(None, ge=1)  # of ray, each with the network; null: one a GPU
    progress: Literal["auto", "bar", "lines", "none"] = "auto"
    weights_dir: str | None = None  # a mirror folder of weight files
