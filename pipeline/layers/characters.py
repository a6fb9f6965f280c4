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

    With `borders` each word stands between zeros, one less on either side than the window is wide,
    so that a filter can tell a word's beginning and end (Ma and Hovy 2016 pad so; Zhang et al. pad
    on the right, to 30 characters).

    Args:
        characters: size of the character vocabulary; id 0 is padding.
        width: of a character's vector.
        filters: for each window.
        windows: the widths l_1 ... l_k.
        borders: let windows reach over a word's ends.
    """

    def __init__(
        self,
        characters: int,
        width: int,
        filters: int,
        windows: Sequence[int],
        borders: bool = False,
    ) -> None:
        super().__init__()
        self.lookup = nn.Embedding(characters, width, padding_idx=PAD)
        with torch.no_grad():
            self.lookup.weight.uniform_(-0.25, 0.25)[PAD] = 0.0
        self.windows = tuple(windows)
        self.reach = [window - 1 if borders else 0 for window in windows]  # over each end
        self.convolutions = nn.ModuleList(
            nn.Conv1d(width, filters, window, padding=reach)
            for window, reach in zip(self.windows, self.reach, strict=True)
        )
        self.width = filters * len(self.windows)

    def forward(self, chars: Tensor) -> Tensor:
        """Character ids (U, L), zero-padded, to vectors (U, width)."""
        lengths = (chars != PAD).sum(1)  # (U,)
        missing = max(self.windows) - chars.shape[1]
        if missing > 0:
            chars = nn.functional.pad(chars, (0, missing))
        vectors = self.lookup(chars).transpose(1, 2)  # (U, width, L)
        found = []
        for window, reach, convolution in zip(
            self.windows, self.reach, self.convolutions, strict=True
        ):
            seen = convolution(vectors)  # (U, filters, S), S = L - window + 1 + 2 reach
            # tanh grows with its argument: the maximum is taken first, on fewer numbers.
            starts = torch.arange(seen.shape[2], device=chars.device)  # (S,)
            places = (lengths - window + 1 + 2 * reach).clamp(min=1)  # (U,)
            outside = starts >= places[:, None]  # (U, S)
            found.append(seen.masked_fill(outside[:, None], -torch.inf).amax(2).tanh())
        return torch.cat(found, 1)  # (U, filters * k)
