"""Compute linear layers so that a row depends on neither batch nor threads.

A product of matrices adds up in another order for another number of rows. oneDNN, given weights in
its own layout, does not in float32 for two rows or more, and takes no longer. In bfloat16 it does:
there the rows go in blocks of one height. Tests hold this for every kind of encoder.

Another instruction set (AVX2 instead of AVX-512) or a GPU still changes the last bits.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ROWS = 64  # of a block in bfloat16


def steady(network: nn.Module, precision: str) -> None:
    """Replace the linear layers of a network that runs on the CPU, in place."""
    for name, child in network.named_children():
        if isinstance(child, nn.Linear):
            if precision == "float32" and torch.backends.mkldnn.is_available():
                setattr(network, name, _Packed(child))
            else:
                setattr(network, name, _Blocks(child))
        else:
            steady(child, precision)


class _Packed(nn.Module):
    """A linear layer whose weights lie as oneDNN wants them."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight: Any = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), 1024)
        self.bias = linear.bias

    def forward(self, given: Tensor) -> Tensor:
        """(..., n) -> (..., m)."""
        rows = given.reshape(-1, given.shape[-1])
        if len(rows) == 1:
            rows = rows.expand(2, -1).contiguous()
        made: Tensor = torch.ops.mkldnn._linear_pointwise(
            rows, self.weight, self.bias, "none", [], ""
        )
        return made[: given[..., 0].numel()].reshape(*given.shape[:-1], -1)


class _Blocks(nn.Module):
    """A linear layer that computes so many rows at a time."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.linear = linear

    def forward(self, given: Tensor) -> Tensor:
        """(..., n) -> (..., m)."""
        rows = given.reshape(-1, given.shape[-1])
        count = len(rows)
        padded = F.pad(rows, (0, 0, 0, -count % ROWS))
        made = torch.cat([self.linear(block) for block in padded.split(ROWS)])
        return made[:count].reshape(*given.shape[:-1], -1)
