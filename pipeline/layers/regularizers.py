"""Regularizers that torch does not have."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class TargetedDropout(nn.Module):
    """Drop, with probability `drop_rate`, units out of the `target_rate` share that is smallest.

    Gomez et al. 2018, "Targeted Dropout": the units of the lowest magnitude are the candidates,
    and only they are dropped at random; what is kept is not scaled up, since the network is meant
    to lean on its large units alone. In evaluation nothing is dropped. Asgari-Chenaghlu et al.
    2022 say once that it drops "neurons whose output is over a threshold", but cite Gomez et al.
    for it, whom this layer follows. Magnitudes are compared within one row, so that no word has a
    say in another's.

    Args:
        drop_rate: the probability (DR).
        target_rate: the share (TR).
    """

    def __init__(self, drop_rate: float, target_rate: float) -> None:
        super().__init__()
        self.drop_rate = drop_rate
        self.target_rate = target_rate

    def forward(self, units: Tensor) -> Tensor:
        """Units (U, ...) of the same shape."""
        flat = units.flatten(1)  # (U, n)
        targets = int(self.target_rate * flat.shape[1])
        if not self.training or not targets:
            return units
        smallest = flat.detach().abs().topk(targets, largest=False).indices  # (U, targets)
        kept = torch.rand(smallest.shape, device=units.device) >= self.drop_rate
        mask = torch.ones_like(flat).scatter(1, smallest, kept.to(flat.dtype))  # (U, n)
        return units * mask.view_as(units)


class SineReLU(nn.Module):
    """x for x > 0, else ε (sin x - cos x) (Asgari-Chenaghlu et al. 2022, equation 11)."""

    def __init__(self, epsilon: float = 0.0025) -> None:
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
