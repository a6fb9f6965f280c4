"""Word vectors as a layer: pretrained rows where a source has them, small random ones elsewhere."""

from __future__ import annotations

import torch
from torch import Tensor, nn

PAD = 0
UNKNOWN = 1


class WordEmbedding(nn.Module):
    """Look words up in a table that starts from pretrained vectors.

    Rows without a pretrained vector start uniform in [-0.25, 0.25] (Zhang et al. 2018, Parameter
    Setting). While training, a known word becomes the unknown one with probability
    `unknown_rate`, so that the unknown row is a trained one too.

    Args:
        table: (W, d) float; row 0 is padding, row 1 the unknown word.
        found: (W,) bool; which rows are pretrained.
        unknown_rate: share of the words that training sees as unknown.
        frozen: keep the pretrained rows and all others as they start.
    """

    def __init__(
        self, table: Tensor, found: Tensor, unknown_rate: float = 0.0, frozen: bool = False
    ) -> None:
        super().__init__()
        if table.dim() != 2 or found.shape != table.shape[:1]:
            raise ValueError(
                f"expected a table (W, d) and found (W,), got {tuple(table.shape)} and "
                f"{tuple(found.shape)}"
            )
        random = torch.empty_like(table).uniform_(-0.25, 0.25)
        start = torch.where(found[:, None], table, random)  # (W, d)
        start[PAD] = 0.0
        self.lookup = nn.Embedding.from_pretrained(start, freeze=frozen, padding_idx=PAD)
        self.unknown_rate = unknown_rate
        self.width = int(table.shape[1])

    def forward(self, words: Tensor) -> Tensor:
        """Word ids (B, T) to vectors (B, T, d)."""
        if self.training and self.unknown_rate > 0:
            dropped = torch.rand(words.shape, device=words.device) < self.unknown_rate  # (B, T)
            words = words.masked_fill(dropped & (words != PAD), UNKNOWN)
        vectors: Tensor = self.lookup(words)
        return vectors
