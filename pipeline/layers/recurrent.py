"""The bidirectional LSTM whose padding changes nothing."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class BiLSTM(nn.Module):
    """Two LSTMs over a padded batch, one of them reading each sequence from its own end.

    h_t = [forward h_t, backward h_t] (Zhang et al. 2018, equation 2). Reversing each sequence
    within its length gives the same numbers as packing, and keeps the fast kernels for dense
    batches.

    Args:
        inputs: width of a step's input.
        hidden: width of a step's output, both directions together; even.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        if hidden % 2:
            raise ValueError(f"hidden counts both directions and must be even, got {hidden}")
        self.forwards = nn.LSTM(inputs, hidden // 2, batch_first=True)
        self.backwards = nn.LSTM(inputs, hidden // 2, batch_first=True)
        self.width = hidden

    def forward(self, steps: Tensor, mask: Tensor) -> Tensor:
        """Inputs (B, T, inputs) with mask (B, T), true from the left, to (B, T, hidden).

        Steps outside the mask come out as zeros.
        """
        turned = reversal(mask)  # (B, T)
        ahead, _ = self.forwards(steps)  # (B, T, hidden / 2)
        back, _ = self.backwards(reorder(steps, turned))  # (B, T, hidden / 2)
        both = torch.cat([ahead, reorder(back, turned)], 2)  # (B, T, hidden)
        return both * mask[:, :, None]


def reversal(mask: Tensor) -> Tensor:
    """For each row of a mask (B, T), the order that reverses its true part: (B, T) long."""
    lengths = mask.sum(1, keepdim=True)  # (B, 1)
    places = torch.arange(mask.shape[1], device=mask.device).expand_as(mask)  # (B, T)
    return torch.where(mask, lengths - 1 - places, places)


def reorder(steps: Tensor, order: Tensor) -> Tensor:
    """Rows of steps (B, T, d) taken in the given order (B, T)."""
    return steps.gather(1, order[:, :, None].expand(-1, -1, steps.shape[2]))
