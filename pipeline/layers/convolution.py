"""Convolutions that keep the number of steps, as matrix products, for short sequences.

A word has few steps and a layer few channels: on a CPU torch's convolution spends most of its time
elsewhere than in its sums. Channels stand last here, so that the windows of a layer are a matrix
that is copied together in one piece a place, and forward and backward are products of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn


class SameConvolution(torch.autograd.Function):
    """Convolution over steps with zeros around them, the odd one at the end, as Keras's "same"."""

    @staticmethod
    def forward(ctx: Any, steps: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Steps (U, L, C), weight (F, C, w) and bias (F) to (U, L, F)."""
        window = weight.shape[2]
        windows = steps.new_zeros(*steps.shape[:2], window, steps.shape[2])  # (U, L, w, C)
        for place, inside, seen in _places(window, steps.shape[1]):
            windows[:, inside, place] = steps[:, seen]
        flat = weight.transpose(1, 2).flatten(1)  # (F, w C)
        ctx.save_for_backward(windows, flat)
        ctx.shape = weight.shape
        return nn.functional.linear(windows.flatten(2), flat, bias)

    @staticmethod
    def backward(ctx: Any, *given: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The gradient (U, L, F) to those of the steps, the weight and the bias."""
        windows, flat = ctx.saved_tensors
        filters, channels, window = ctx.shape
        wanted = given[0].reshape(-1, filters)  # (U L, F), under autocast of a lower precision
        spread = (wanted @ flat.to(wanted.dtype)).view(windows.shape)  # (U, L, w, C)
        steps = windows.new_zeros(*windows.shape[:2], channels)
        for place, inside, seen in _places(window, windows.shape[1]):
            steps[:, seen] += spread[:, inside, place]
        read = windows.view(len(wanted), -1).to(wanted.dtype)
        weight = (wanted.t() @ read).to(flat.dtype).view(filters, window, channels)
        return steps, weight.transpose(1, 2), wanted.sum(0).to(flat.dtype)


def same_convolution(layer: nn.Module, steps: Tensor) -> Tensor:
    """A layer of torch's over steps (U, L, channels): (U, L, filters)."""
    assert isinstance(layer, nn.Conv1d)
    if steps.is_cuda:  # which has kernels of its own
        before, after = _around(layer.kernel_size[0])
        padded = nn.functional.pad(steps.transpose(1, 2), (before, after))
        return layer(padded).transpose(1, 2)  # type: ignore[no-any-return]
    convolved: Tensor = SameConvolution.apply(steps, layer.weight, layer.bias)
    return convolved


def same_convolution_of(layer: nn.Module, vectors: Tensor, ids: Tensor) -> Tensor:
    """The same over rows of a table (R, channels), by their ids (U, L): (U, L, filters).

    Each row is multiplied once for a place of the window, wherever and however often it stands. Row
    0 is of zeros, and pads.
    """
    assert isinstance(layer, nn.Conv1d)
    if ids.is_cuda:
        return same_convolution(layer, nn.functional.embedding(ids, vectors))
    assert layer.bias is not None
    padded = nn.functional.pad(ids, _around(layer.kernel_size[0]))
    convolved = layer.bias.expand(*ids.shape, -1)
    for place in range(layer.kernel_size[0]):
        shares = vectors @ layer.weight[:, :, place].t()  # (R, filters)
        read = padded[:, place : place + ids.shape[1]].contiguous()
        convolved = convolved + nn.functional.embedding(read, shares)
    return convolved


def _around(window: int) -> tuple[int, int]:
    """How many zeros stand before and behind the steps."""
    return (window - 1) // 2, window // 2


def _places(window: int, steps: int) -> Iterator[tuple[int, slice, slice]]:
    """Each place of a window, the steps whose windows have one of the steps there, and those."""
    for place in range(window):
        ahead = place - (window - 1) // 2
        first, end = max(0, -ahead), min(steps, steps - ahead)
        if end > first:
            yield place, slice(first, end), slice(first + ahead, end + ahead)
