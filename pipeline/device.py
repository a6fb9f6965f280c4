"""Where networks run."""

from __future__ import annotations

import os

import torch

from pipeline.errors import PipelineError

WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"


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


def steady_device(name: str, deterministic: bool) -> torch.device:
    """Find the device of this name, and let all of this process compute steadily from here on.

    The CPU gets one thread. Several add up in another order than one does, so that a network's
    weights would depend on the number of cores; and these networks are small, so that a second
    thread makes their training slower.

    On CUDA the order of sums changes from run to run, unless `deterministic` asks for kernels that
    keep it, which are slower. An operation that has none then raises torch's RuntimeError.

    Raises:
        PipelineError: as `find_device`.
    """
    device = find_device(name)
    if device.type == "cpu":
        torch.set_num_threads(1)
    elif deterministic:
        os.environ.setdefault(WORKSPACE, ":4096:8")  # else cuBLAS may take any part of its memory
        torch.use_deterministic_algorithms(True)
    return device
