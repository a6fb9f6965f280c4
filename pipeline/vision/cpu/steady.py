"""Convolutions and linear layers whose rows do not depend on the batch or the number of threads.

A row of a feature store may not depend on what else was in its batch, nor on the machine's number
of cores: it is a function of the image and the fingerprint. On the CPU, torch chooses between
several implementations by batch size and threads (1 x 1 convolutions below 16 images on one thread
go another way), and a matrix product adds up in another order for another number of rows. oneDNN's
convolution, always taken, gives the same bits for all of them; a linear layer is a convolution of
1 x 1. Tests hold this for every backbone. It is not slower: oneDNN is what torch mostly takes.

Another instruction set (AVX2 in place of AVX-512) or a GPU still differ in the last bits.
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
    """Within this context, `conv2d` and `linear` of CPU tensors are computed by oneDNN.

    Inside `torch.autocast`, its dtype is taken. What oneDNN cannot do on this machine (a build
    without it, a float16 processor instruction that is missing) is left to torch.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Replace the two functions, pass on all others."""
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
    """(B, n) to (B, m), as a convolution of 1 x 1 pixels."""
    return _conv2d(given[:, :, None, None], weight[:, :, None, None], bias).flatten(1)


def _pair(value: int | Sequence[int]) -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    first, second = value
    return first, second
