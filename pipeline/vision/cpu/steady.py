"""Compute convolutions and linear layers so that a row depends on neither batch nor threads.

A row of a feature store is a function of the image and the fingerprint: it may not depend on the
other images of its batch, nor on the number of cores. On the CPU, torch chooses between several
implementations by batch size and threads (it computes 1 x 1 convolutions in another way for less
than 16 images on one thread), and a matrix product adds up in another order for another number of
rows. oneDNN's convolution gives the same bits for all of them, so it is always taken; a linear
layer is a 1 x 1 convolution. Tests hold this for every backbone. It is not slower, since torch
itself mostly takes oneDNN.

Another instruction set (AVX2 instead of AVX-512) or a GPU still changes the last bits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from pipeline.vision.cpu.processor import onednn_has


class Steady(TorchFunctionMode):
    """Within this context, oneDNN computes `conv2d` and `linear` of CPU tensors.

    Inside `torch.autocast`, it takes the dtype of that context. What oneDNN cannot do on this
    machine (torch was built without it, or the processor lacks the instructions) is left to torch.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Replace the two functions, and pass on all others."""
        if func is F.conv2d and onednn_has(args[0].device, _dtype(args[0])):
            return _conv2d(*args, **(kwargs or {}))
        if func is F.linear and onednn_has(args[0].device, _dtype(args[0])):
            return _linear(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def _dtype(given: Tensor) -> torch.dtype:
    if torch.is_autocast_enabled("cpu"):
        return torch.get_autocast_dtype("cpu")
    return given.dtype


def _conv2d(
    given: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | str | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    if isinstance(padding, str):
        raise NotImplementedError(f"padding {padding!r}: give it in pixels")
    dtype = _dtype(given)
    return torch.mkldnn_convolution(
        given.to(dtype),
        weight.to(dtype),
        None if bias is None else bias.to(dtype),
        _pair(padding),
        _pair(stride),
        _pair(dilation),
        groups,
    )


def _linear(given: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """(B, n) -> (B, m), as a convolution of 1 x 1 pixels."""
    return _conv2d(given[:, :, None, None], weight[:, :, None, None], bias).flatten(1)


def _pair(value: int | Sequence[int]) -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    first, second = value
    return first, second
