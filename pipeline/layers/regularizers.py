"""Regularizers that torch does not have."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn


class TargetedDropout(nn.Module):
    """Drop, with probability `drop_rate`, units of a channel out of the share `target_rate`.

    Asgari-Chenaghlu et al. 2022 (Table 4, layer 15) cite Gomez et al. 2018, print a drop rate and a
    target rate, and say that the layer "randomly drops neurons whose output is over a threshold".
    The three do not agree:

    - Gomez et al. rank weights, not outputs; the smallest are targets, and evaluation prunes them.
    - The Keras layer whose two parameters Table 4 prints ranks outputs, by magnitude and within
      each channel; the smallest are targets, and evaluation sets all of them to zero.
    - "Over a threshold" makes the largest the targets.

    As the Keras layer by default, since the table gives its parameters: `smallest`, and `prune` in
    evaluation. It ranks a channel over the whole batch, which makes a word's vector depend on its
    neighbours; here each word's channel is ranked by itself. What is kept is never scaled up.

    Args:
        drop_rate: the probability (DR).
        target_rate: the share (TR).
        targets: which magnitudes are targets.
        prune: whether evaluation drops all targets; false: none.
    """

    def __init__(
        self,
        drop_rate: float,
        target_rate: float,
        targets: Literal["smallest", "largest"],
        prune: bool,
    ) -> None:
        super().__init__()
        self.drop_rate = drop_rate
        self.target_rate = target_rate
        self.largest = targets == "largest"
        self.prune = prune

    def forward(self, units: Tensor) -> Tensor:
        """Units (..., channels, steps) to the same shape."""
        count = int(self.target_rate * units.shape[-1])
        if not count or not (self.training or self.prune):
            return units
        magnitudes = units.detach().abs()
        targets = magnitudes.topk(count, largest=self.largest).indices  # (..., channels, count)
        if self.training:
            kept = torch.rand(targets.shape, device=units.device) >= self.drop_rate
        else:
            kept = torch.zeros(targets.shape, dtype=torch.bool, device=units.device)
        return units * torch.ones_like(units).scatter(-1, targets, kept.to(units.dtype))


class SineReLU(nn.Module):
    """x for x > 0, else ε (sin x - cos x) (Asgari-Chenaghlu et al. 2022, equation 11)."""

    def __init__(self, epsilon: float) -> None:
        super().__init__()
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        """Any shape."""
        return torch.where(x > 0, x, self.epsilon * (x.sin() - x.cos()))


class TokenBatchNorm(nn.Module):
    """Batch normalisation over the tokens of a padded batch; padding has no part in it.

    Args:
        width: the size of a token's features.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(width)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Features (B, T, d) with mask (B, T); padding comes out as zeros."""
        normed = torch.zeros_like(features)
        normed[mask] = self.norm(features[mask])  # (tokens, d)
        return normed


def l1_norm(module: nn.Module) -> Tensor:
    """The sum of the absolute values of a module's weight matrices; biases are left out."""
    return torch.stack([p.abs().sum() for p in module.parameters() if p.dim() > 1]).sum()
