"""Words as a layer: their vectors, with their contextual vectors beside them if there are any."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from pipeline.layers.context import ContextMix

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
        context: the layer over contextual words, whose result stands beside the vectors; or None.
    """

    def __init__(
        self,
        table: Tensor,
        found: Tensor,
        unknown_rate: float = 0.0,
        missing: Literal["random", "zeros"] = "random",
        context: ContextMix | None = None,
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
        self.context = context
        self.width = int(table.shape[1]) + (context.width if context is not None else 0)

    def forward(self, words: Tensor, context: Tensor | None = None) -> Tensor:
        """Word ids (B, T), and what the context's layer reads of them, to (B, T, width).

        Words of phrases have no context, and zeros in its place.
        """
        if self.training and self.unknown_rate > 0:
            dropped = torch.rand(words.shape, device=words.device) < self.unknown_rate  # (B, T)
            words = words.masked_fill(dropped & (words != PAD), UNKNOWN)
        vectors: Tensor = self.lookup(words)  # (B, T, d)
        if self.context is None:
            return vectors
        if context is None:
            beside = vectors.new_zeros(*words.shape, self.context.width)
        else:
            beside = self.context(context)
        return torch.cat([vectors, beside], 2)
