"""Word vectors as a layer: pretrained rows where a source has them, small random ones elsewhere."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

PAD = 0
UNKNOWN = 1


class WordEmbedding(nn.Module):
    """Look words up in a table that starts from pretrained vectors.

    Numbers that no source gives start uniform in [-0.25, 0.25] (Zhang et al. 2018, Parameter
    Setting; Asgari-Chenaghlu et al. 2022, "at each embedding", so that of two sources side by side
    the one that lacks a word starts at random), or as zeros. While training, a known word becomes
    the unknown one with probability `unknown_rate`, so that the unknown row is a trained one too.

    Args:
        table: (W, d) float; row 0 is padding, row 1 the unknown word.
        found: (W, d) bool; which numbers are pretrained.
        unknown_rate: share of the words that training sees as unknown.
        missing: how numbers start that are not pretrained.
    """

    def __init__(
        self,
        table: Tensor,
        found: Tensor,
        unknown_rate: float = 0.0,
        missing: Literal["random", "zeros"] = "random",
    ) -> None:
        super().__init__()
        if table.dim() != 2 or found.shape != table.shape:
            raise ValueError(
                f"expected a table (W, d) and found of the same shape, got {tuple(table.shape)} "
                f"and {tuple(found.shape)}"
            )
        others = torch.empty_like(table).uniform_(-0.25, 0.25)
        if missing == "zeros":
            others = torch.zeros_like(table)
        start = torch.where(found, table, others)  # (W, d)
        start[PAD] = 0.0
        self.lookup = nn.Embedding.from_pretrained(start, freeze=False, padding_idx=PAD)
        self.unknown_rate = unknown_rate
        self.width = int(table.shape[1])

    def forward(self, words: Tensor) -> Tensor:
        """Word ids (B, T) to vectors (B, T, d)."""
        if self.training and self.unknown_rate > 0:
            dropped = torch.rand(words.shape, device=words.device) < self.unknown_rate  # (B, T)
            words = words.masked_fill(dropped & (words != PAD), UNKNOWN)
        vectors: Tensor = self.lookup(words)
        return vectors
