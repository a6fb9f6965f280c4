"""Knobs that cannot change a number; no stage of dvc.yaml depends on them."""

from typing import Literal

from pydantic import Field

from pipeline.params.block import Block


class Runtime(Block):
    """Knobs that cannot change a number; no stage of dvc.yaml depends on them."""

    device: str = "auto"  # auto: cuda where there is one, else cpu
    batch: int = Field(16, ge=1)  # images a forward pass
    workers: int = Field(2, ge=1)  # threads that decode images
    engine: Literal["local"] = "local"
    progress: Literal["auto", "bar", "lines", "none"] = "auto"
    weights_dir: str | None = None  # a mirror folder of weight files
