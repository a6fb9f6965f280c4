"""Cached contextual words: the layers of a frozen encoder, mixed as the task wants them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ContextMix(nn.Module):
    """A learned mean over layers, then a projection (Peters et al. 2018, ELMo, equation 1).

    Each layer is normalised first, without trained parameters, since layers differ in scale. ELMo's
    factor γ is left to the projection.

    Args:
        layers: their number.
        width: of the encoder's words.
        projected: width of the result.
        dropout: before the projection.
    """

    def __init__(self, layers: int, width: int, projected: int, dropout: float) -> None:
        super().__init__()
        self.scores = nn.Parameter(torch.zeros(layers))
        self.dropout = nn.Dropout(dropout)
        self.projection = nn.Linear(width, projected)
        self.width = projected

    def forward(self, states: Tensor) -> Tensor:
        """(B, T, layers, width), of any float, to (B, T, projected)."""
        normal = F.layer_norm(states.to(self.scores.dtype), states.shape[-1:])
        mixed = torch.einsum("l,btlw->btw", self.scores.softmax(0), normal)
        projected: Tensor = self.projection(self.dropout(mixed))
        return projected
