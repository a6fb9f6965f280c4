"""Character encoders: a vector for each distinct spelling in a batch.

A batch repeats its words, so characters are encoded once per distinct spelling (U of them) and
the results are gathered back to the (B, T) places where they stand.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

PAD = 0


class CharacterCNN(nn.Module):
    """Groups of convolutions over a word's characters, tanh, maximum over time.

    Zhang et al. 2018, "CNN for Character-level Representation": F_j = tanh(C_j . F[i:i+l_j-1] +
    b_j), w_j = max(F_j), w = [w_1; ...; w_k]. Windows lie inside the word: the padding of a
    longer neighbour never takes part in the maximum, so a word's vector is the same in any batch.
    A word shorter than a window is seen by that window once, zero-padded on the right.

    Args:
        characters: size of the character vocabulary; id 0 is padding.
        width: of a character's vector.
        filters: for each window.
        windows: the widths l_1 ... l_k.
    """

    def __init__(self, characters: int, width: int, filters: int, windows: Sequence[int]) -> None:
        super().__init__()
        self.lookup = nn.Embedding(characters, width, padding_idx=PAD)
        with torch.no_grad():
            self.lookup.weight.uniform_(-0.25, 0.25)[PAD] = 0.0
        self.convolutions = nn.ModuleList(nn.Conv1d(width, filters, window) for window in windows)
        self.windows = tuple(windows)
        self.width = filters * len(self.windows)

    def forward(self, chars: Tensor) -> Tensor:
        """Character ids (U, L), zero-padded, to vectors (U, width)."""
        lengths = (chars != PAD).sum(1)  # (U,)
        missing = max(self.windows) - chars.shape[1]
        if missing > 0:
            chars = nn.functional.pad(chars, (0, missing))
        vectors = self.lookup(chars).transpose(1, 2)  # (U, width, L)
        found = []
        for window, convolution in zip(self.windows, self.convolutions, strict=True):
            seen = convolution(vectors)  # (U, filters, L - window + 1)
            # tanh grows with its argument: the maximum is taken first, on fewer numbers.
            starts = torch.arange(seen.shape[2], device=chars.device)  # (L - window + 1,)
            outside = starts >= (lengths - window + 1).clamp(min=1)[:, None]  # (U, L - window + 1)
            found.append(seen.masked_fill(outside[:, None], -torch.inf).amax(2).tanh())
        return torch.cat(found, 1)  # (U, filters * k)
