"""Where networks run."""

from __future__ import annotations

import torch

from pipeline.errors import PipelineError


def find_device(name: str) -> torch.device:
    """Find the device of this name; `auto` is CUDA if the machine has it, else the CPU.

    Raises:
        PipelineError: if torch does not know the name, or if there is no CUDA here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise PipelineError(f"runtime.device: {name!r} is no device: {error}") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise PipelineError(f"runtime.device: {name!r} was asked for, but there is no CUDA here")
    return device
