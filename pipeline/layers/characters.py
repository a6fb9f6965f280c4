"""Character encoders: a vector for each distinct spelling in a batch.

A batch repeats its words, so characters are encoded once per distinct spelling (U of them) and
the results are gathered back to the (B, T) places where they stand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from pipeline.layers.recurrent import BiGRU, BiLSTM
from pipeline.layers.regularizers import SineReLU, TargetedDropout
from pipeline.params.block import Block

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
        return by_length(self._of_one_length, chars)

    def _of_one_length(self, chars: Tensor) -> Tensor:
        return self.recurrent.ends(self.lookup(chars), chars != PAD)


class CharacterBiLSTM(CharacterEnds):
    """The last states of two LSTMs (Lample et al. 2016)."""

    kind = BiLSTM


class CharacterBiGRU(CharacterEnds):
    """The last states of two GRUs (Alfaqeeh 2024, equations 2 and 3)."""

    kind = BiGRU


class CWICharacterSizes(Block):
    """The sizes and the regularizers of `CWICharacters`."""

    char_width: int = Field(ge=1)
    char_length: int = Field(ge=8)  # to which words are cut or padded
    regularized: bool  # whether there are layers 15 to 17 (Table 9)
    drop_rate: float = Field(ge=0, lt=1)  # DR of the targeted dropout
    target_rate: float = Field(ge=0, lt=1)  # TR of the targeted dropout
    targets: Literal["smallest", "largest"]  # which of a channel's numbers may be dropped
    prune: bool  # whether all of them are zero in evaluation
    epsilon: float = Field(ge=0)  # of SineReLU


class CWICharacters(nn.Module):
    """The character feature extractor of CWI (Asgari-Chenaghlu et al. 2022, Table 4, layers 1-17).

    Every word is cut or zero-padded to `length` characters. Three convolutions, each with a
    maximum pooling, then three more whose outputs are joined with those of the pooling layers.
    With the printed sizes (length 40), as (steps, channels):

        2: (40, 40)  4: (20, 16)  6: (10, 32)  8: (5, 64)  9: (5, 64)  11: (10, 32)  13: (20, 16)

    Two choices are not printed, and these shapes settle both. Convolutions keep the number of
    steps ("same" padding, the odd step at the end, as Keras puts it): without padding layer 9
    would slide a window of 4 over 2 steps. Layers 10, 12 and 14 concatenate along the steps, not
    the channels: 9, 11 and 13 then have the channels of their partners 8, 6 and 4 exactly, layer
    14 is (40, 16), and its 16 channels are the 16 groups of layer 17. Along the channels layer 12
    would have to join 10 steps with 5. No convolution has an activation of its own: none is
    printed.

    Layer 28 takes one vector a word, so that the steps of the last layer are laid side by side.

    Layers 15 to 17 see one spelling at a time: a word that stands twice in a batch shares its
    dropout mask, and group normalisation takes mean and variance over a word, not over a post.

    Args:
        characters: size of the character vocabulary; id 0 is padding.
        sizes: the sizes, and the regularizers.
    """

    KERNELS = ((2, 16), (3, 32), (4, 64))  # (size, number) of layers 3, 5, 7; and of 13, 11, 9
    GROUPS = 16

    def __init__(self, characters: int, sizes: CWICharacterSizes) -> None:
        super().__init__()
        self.length = length = sizes.char_length
        width = sizes.char_width
        self.lookup = character_vectors(characters, width)
        self.narrowing, self.widening = nn.ModuleList(), nn.ModuleList()
        for size, number in self.KERNELS:
            self.narrowing.append(nn.Conv1d(width, number, size))
            width = number
        for size, number in reversed(self.KERNELS):
            self.widening.append(nn.Conv1d(width, number, size))
            width = number
        self.regularizers = nn.ModuleList()
        if sizes.regularized:
            dropped = sizes.drop_rate, sizes.target_rate, sizes.targets, sizes.prune
            self.regularizers.append(TargetedDropout(*dropped))
            self.regularizers.append(SineReLU(sizes.epsilon))
            self.regularizers.append(nn.GroupNorm(self.GROUPS, width))
        halves = [length // 2**times for times in (1, 2, 3)]  # steps of layers 4, 6 and 8
        self.width = width * (sum(halves) + halves[-1])

    def forward(self, chars: Tensor) -> Tensor:
        """Character ids (U, L), zero-padded, to vectors (U, width)."""
        layers = self.layers(chars)
        return layers[max(layers)].flatten(1)

    def layers(self, chars: Tensor) -> dict[int, Tensor]:
        """What each layer gives, by its number in Table 4: 2 to 17 as (U, channels, steps)."""
        kept = chars[:, : self.length]  # (U, at most length)
        given = {1: nn.functional.pad(kept, (0, self.length - kept.shape[1]))}  # (U, length)
        given[2] = self.lookup(given[1]).transpose(1, 2)  # (U, width, length)
        for number, convolution in zip((3, 5, 7), self.narrowing, strict=True):
            given[number] = _same(convolution, given[number - 1])
            given[number + 1] = nn.functional.max_pool1d(given[number], 2)
        for number, partner, convolution in zip((9, 11, 13), (8, 6, 4), self.widening, strict=True):
            given[number] = _same(convolution, given[number - 1])
            given[number + 1] = torch.cat([given[partner], given[number]], 2)
        for number, layer in enumerate(self.regularizers, start=15):
            given[number] = layer(given[number - 1])
        return given


def _strongest(seen: Tensor, places: Tensor) -> Tensor:
    """The maximum over the first places (U,), at least one, of what was seen (U, F, S): (U, F)."""
    starts = torch.arange(seen.shape[2], device=seen.device)  # (S,)
    outside = starts >= places.clamp(min=1)[:, None]  # (U, S)
    return seen.masked_fill(outside[:, None], -torch.inf).amax(2)


def _same(convolution: nn.Module, steps: Tensor) -> Tensor:
    """Convolve (U, channels, L) to (U, filters, L): zeros around, the odd one at the end."""
    assert isinstance(convolution, nn.Conv1d)
    missing = convolution.kernel_size[0] - 1
    padded = nn.functional.pad(steps, (missing // 2, missing - missing // 2))
    return convolution(padded)  # type: ignore[no-any-return]
