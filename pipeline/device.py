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


def steady_device(name: str) -> torch.device:
    """Find the device of this name, and let torch compute with one thread if it is the CPU.

    Several threads add up in another order than one does, so that a network's weights would depend
    on the number of cores. These networks are small: a second thread makes their training slower.
    From here on the whole process has one thread.

    Raises:
        PipelineError: as `find_device`.
    """
    device = find_device(name)
    if device.type == "cpu":
        torch.set_num_threads(1)
    return device
