"""Where networks run."""

from __future__ import annotations

import torch

from pipeline.errors import PipelineError


def find_device(name: str) -> torch.device:
    """The device of this name; `auto` is CUDA where there is one, else the CPU.

    Raises:
        PipelineError: for a name torch does not know, or CUDA where there is none.
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
