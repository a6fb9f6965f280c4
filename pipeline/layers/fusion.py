"""Fusion of modalities that may be missing (Alfaqeeh 2024, TriMod, equations 11 and 12).

A fusion takes the features f_i of M modalities, all of one width, and which of them a post has. The
weights of modalities that the post lacks are exactly zero; the other weights sum to one.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class AdditiveFusion(nn.Module):
    """f'_i = W_2 f_i + b, γ_i = exp(u·tanh(f'_i)), f_s = Σ γ_i f_i / Σ γ_i.

    This is as printed, except that the two equations of (11) run into each other there. W_2, b and
    u have no index i and are shared by the modalities. γ_i / Σ γ_i is a softmax of u·tanh(f'_i),
    and computed as one.

    Args:
        width: d, the size of the features.
        hidden: m, the size of f'.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.inner = nn.Linear(width, hidden)  # W_2, b
        self.score = nn.Linear(hidden, 1, bias=False)  # u

    def forward(self, features: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, T, M, d), those there (B, M), to f_s (B, T, d) and weights (B, T, M).

        Each post needs one modality that is there.
        """
        scores = self.score(self.inner(features).tanh()).squeeze(3)  # (B, T, M)
        return _mixed(scores, features, there)


class ScaledDotFusion(nn.Module):
    """The attention of a transformer: the first modality asks, all of them answer.

    The scores are (W_q f_1)·(W_k f_i) / √m, so that a token's own text says what else counts.

    Args:
        width: d, the size of the features.
        hidden: m, the size of queries and keys.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, hidden)
        self.key = nn.Linear(width, hidden, bias=False)  # a bias would cancel out of the softmax
        self.scale = hidden**-0.5

    def forward(self, features: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
        """As `AdditiveFusion.forward`."""
        asked = self.query(features[:, :, 0])  # (B, T, m)
        scores = (self.key(features) @ asked[..., None]).squeeze(3) * self.scale  # (B, T, M)
        return _mixed(scores, features, there)


def _mixed(scores: Tensor, features: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
    weights = scores.masked_fill(~there[:, None], -torch.inf).softmax(2)  # (B, T, M)
    return (weights[:, :, None] @ features).squeeze(2), weights
