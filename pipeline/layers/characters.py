"""Character encoders: a vector for each distinct spelling in a batch.

A batch repeats its words, so characters are encoded once per distinct spelling (U of them) and
the results are gathered back to the (B, T) places where they stand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor, nn

from pipeline.layers.recurrent import BiGRU, BiLSTM

PAD = 0
PART_ENDS = (6, 12)  # words of like length: up to so many characters, and longer ones
Padding = Literal["none", "borders", "right"]


def character_vectors(characters: int, width: int) -> nn.Embedding:
    """One vector for each character, uniform in [-0.25, 0.25] at first; zeros for padding."""
    lookup = nn.Embedding(characters, width, padding_idx=PAD)
    with torch.no_grad():
        lookup.weight.uniform_(-0.25, 0.25)[PAD] = 0.0
    return lookup


def of_each_word(vectors: Tensor, spelling: Tensor) -> Tensor:
    """Gather the vectors of spellings (U, d) to the words (B, T) that are spelled so: (B, T, d).

    The gradients of a spelling are summed in the order of its words. `vectors[spelling]` gives the
    same, but sums in the order in which threads arrive: no two runs would give the same bytes.
    """
    return nn.functional.embedding(spelling, vectors)


def by_length(read: Callable[[Tensor], Tensor], chars: Tensor) -> Tensor:
    """`read` of spellings (U, L), zero-padded, in parts of like length: less is padded.

    Most words have a few characters, and one in a batch is an address of thirty. On a GPU one large
    part is faster than several, so that there is one.

    Args:
        read: spellings (u, l) to vectors (u, width), each by itself and whatever its padding.
        chars: the spellings.
    """
    if chars.is_cuda:
        return read(chars)
    lengths, order = (chars != PAD).sum(1).sort(stable=True)  # (U,)
    ends = torch.searchsorted(lengths, torch.tensor(PART_ENDS), right=True).tolist()
    found = [
        read(chars[order[start:end], : max(1, int(lengths[end - 1]))])
        for start, end in pairwise([0, *ends, len(order)])
        if end > start
    ]
    return torch.cat(found)[order.argsort()]


class StrongestWindow(torch.autograd.Function):
    """A convolution over characters and its maximum over time, by tables.

    A word has few characters out of a small alphabet, so that the sum of a filter is a sum of rows
    of a table, and its gradient goes to the rows of the one window that was the maximum. Values and
    gradients are those of the convolution; of equal maxima the first window takes the gradient.
    """

    @staticmethod
    def forward(ctx: Any, shares: Tensor, chars: Tensor, places: Tensor) -> Tensor:
        """The greatest sum of each filter over a word's windows: (U, F).

        Args:
            ctx: keeps what `backward` reads.
            shares: what a character (C) adds to a filter (F) at a place of the window, (w, C, F).
            chars: the ids of words, (U, P).
            places: how many windows of each word count, from the left, at least one: (U,).
        """
        window, alphabet, filters = shares.shape
        firsts = torch.arange(window, device=chars.device) * alphabet  # (w,)
        rows = chars.unfold(1, window, 1) + firsts  # (U, S, w)
        sums = nn.functional.embedding_bag(rows.flatten(0, 1), shares.flatten(0, 1), mode="sum")
        seen = sums.view(*rows.shape[:2], filters)  # (U, S, F)
        outside = torch.arange(rows.shape[1], device=chars.device) >= places[:, None]  # (U, S)
        strongest, where = seen.masked_fill_(outside[:, :, None], -torch.inf).max(1)  # (U, F)
        ctx.save_for_backward(rows, where)
        ctx.shape = shares.shape
        return strongest

    @staticmethod
    def backward(ctx: Any, *given: Tensor) -> tuple[Tensor, None, None]:
        """The gradient (U, F) to that of the shares."""
        (wanted,), (rows, where) = given, ctx.saved_tensors
        window, _, filters = ctx.shape
        met = rows.gather(1, where[:, :, None].expand(-1, -1, window))  # (U, F, w)
        column = torch.arange(filters, device=wanted.device)[:, None]
        found = wanted.new_zeros(ctx.shape)
        spread = wanted[:, :, None].expand_as(met).reshape(-1)
        found.view(-1).index_add_(0, (met * filters + column).view(-1), spread)
        return found, None, None


class CharacterCNN(nn.Module):
    """Groups of convolutions over a word's characters, tanh, maximum over time.

    Zhang et al. 2018, "CNN for Character-level Representation": F_j = tanh(C_j . F[i:i+l_j-1] +
    b_j), w_j = max(F_j), w = [w_1; ...; w_k]. A word's vector is the same in any batch: the padding
    of a longer neighbour never takes part in the maximum. What does is `padding`:

    - none: windows lie inside the word; a word shorter than a window is seen by it once,
      zero-padded on the right.
    - borders: the word stands between zeros, one less on either side than the window is wide, so
      that a filter can tell its beginning and end (Ma and Hovy 2016).
    - right: the word is zero-padded on the right to `length` (Zhang et al. 2018: "the word length
      is set to 30, and we apply truncating or zero-padding as necessary"). All windows that see
      zeros alone give one number, so that one of them is computed for all.

    Args:
        characters: size of the character vocabulary; id 0 is padding.
        width: the size of a character's vector.
        filters: number of filters of each window.
        windows: the widths l_1 ... l_k.
        padding: what stands around a word.
        length: to which words are cut, and padded by `right`; None: they are not cut.
    """

    def __init__(
        self,
        characters: int,
        width: int,
        filters: int,
        windows: Sequence[int],
        padding: Padding,
        length: int | None,
    ) -> None:
        super().__init__()
        self.lookup = character_vectors(characters, width)
        self.windows = tuple(windows)
        self.length = length
        self.right = padding == "right"
        self.reach = [window - 1 if padding == "borders" else 0 for window in windows]
        self.convolutions = nn.ModuleList(
            nn.Conv1d(width, filters, window, padding=reach)
            for window, reach in zip(self.windows, self.reach, strict=True)
        )
        self.width = filters * len(self.windows)

    def forward(self, chars: Tensor) -> Tensor:
        """Character ids (U, L), zero-padded, to vectors (U, width)."""
        alphabet = torch.arange(self.lookup.num_embeddings, device=chars.device)
        vectors = self.lookup(alphabet)  # (C, width); padding takes no gradient
        # The share of each character in a filter's sum, by its place in the window: all that a
        # convolution over characters can meet.
        shares = [
            torch.einsum("cd,fdw->wcf", vectors, convolution.weight)  # (window, C, F)
            for convolution in self.convolutions
        ]
        return by_length(lambda part: self._of_one_length(part, shares), chars[:, : self.length])

    def _of_one_length(self, chars: Tensor, shares: Sequence[Tensor]) -> Tensor:
        """The same of spellings that are about as long as each other."""
        lengths = (chars != PAD).sum(1)  # (U,)
        widest = max(self.windows)
        behind = widest if self.right else max(0, widest - chars.shape[1])
        chars = nn.functional.pad(chars, (0, behind))[:, : self.length]
        found = []
        for window, reach, convolution, share in zip(
            self.windows, self.reach, self.convolutions, shares, strict=True
        ):
            assert isinstance(convolution, nn.Conv1d)
            assert convolution.bias is not None
            places = lengths - window + 1 + 2 * reach  # (U,)
            if self.right and self.length is not None:
                places = (lengths + 1).clamp(max=self.length - window + 1)
            around = nn.functional.pad(chars, (reach, reach))
            strongest: Tensor = StrongestWindow.apply(share, around, places.clamp(min=1))
            # tanh grows with its argument: the maximum is taken first, on fewer numbers.
            found.append((strongest + convolution.bias).tanh())
        return torch.cat(found, 1)  # (U, filters * k)


class CharacterCNN2D(nn.Module):
    """One filter, a row high, along each row of a word's matrix (Chen et al. 2021, section 3.3).

    A word of n characters is a matrix (width, n); "a convolutional operation of filter size 1 x k
    is applied to the matrix", and "the character embedding of a word is computed by the column-wise
    maximum": width numbers. No activation is printed. Windows lie inside the word, and a word
    shorter than the window is seen once, zero-padded on the right.

    Args:
        characters: size of the character vocabulary; id 0 is padding.
        width: the size of a character's vector, and of the result.
        window: k.
    """

    def __init__(self, characters: int, width: int, window: int = 3) -> None:
        super().__init__()
        self.lookup = character_vectors(characters, width)
        self.convolution = nn.Conv2d(1, 1, (1, window))
        self.window = window
        self.width = width

    def forward(self, chars: Tensor) -> Tensor:
        """Character ids (U, L), zero-padded, to vectors (U, width)."""
        lengths = (chars != PAD).sum(1)  # (U,)
        chars = nn.functional.pad(chars, (0, max(0, self.window - chars.shape[1])))
        matrix = self.lookup(chars).transpose(1, 2)  # (U, width, L)
        seen = self.convolution(matrix[:, None])[:, 0]  # (U, width, L - window + 1)
        return _strongest(seen, lengths - self.window + 1)


class CharacterEnds(nn.Module):
    """The last states of two recurrent layers, one from each end of the word.

    Args:
        characters: size of the character vocabulary; id 0 is padding.
        width: the size of a character's vector.
        hidden: width of the result, both directions together; even.
    """

    kind: type[BiLSTM] | type[BiGRU]

    def __init__(self, characters: int, width: int, hidden: int) -> None:
        super().__init__()
        self.lookup = character_vectors(characters, width)
        self.recurrent = self.kind(width, hidden)
        self.width = hidden

    def forward(self, chars: Tensor) -> Tensor:
        """Character ids (U, L), zero-padded, to vectors (U, hidden)."""
        mask = chars != PAD
        if chars.is_cuda:
            return self.recurrent.ends(self.lookup(chars), mask)
        alphabet = self.lookup(torch.arange(self.lookup.num_embeddings))  # no gradient to padding
        return self.recurrent.ends_of(alphabet, chars, mask.sum(1))


class CharacterBiLSTM(CharacterEnds):
    """The last states of two LSTMs (Lample et al. 2016)."""

    kind = BiLSTM


class CharacterBiGRU(CharacterEnds):
    """The last states of two GRUs (Alfaqeeh 2024, equations 2 and 3)."""

    kind = BiGRU


def _strongest(seen: Tensor, places: Tensor) -> Tensor:
    """The maximum over the first places (U,), at least one, of what was seen (U, F, S): (U, F)."""
    starts = torch.arange(seen.shape[2], device=seen.device)  # (S,)
    outside = starts >= places.clamp(min=1)[:, None]  # (U, S)
    return seen.masked_fill(outside[:, None], -torch.inf).amax(2)
