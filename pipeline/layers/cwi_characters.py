"""The character network of CWI (Asgari-Chenaghlu et al. 2022, Table 4, layers 1 to 17)."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from pipeline.layers.characters import character_vectors
from pipeline.layers.convolution import same_convolution, same_convolution_of
from pipeline.layers.regularizers import SineReLU, TargetedDropout
from pipeline.params.block import Block


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
        layers = self._from_third(self._cut(chars))
        return layers[max(layers)].flatten(1)

    def layers(self, chars: Tensor) -> dict[int, Tensor]:
        """What each layer gives, by its number in Table 4: 2 to 17 as (U, channels, steps)."""
        ids = self._cut(chars)
        return {1: ids, 2: self.lookup(ids).transpose(1, 2)} | self._from_third(ids)

    def _cut(self, chars: Tensor) -> Tensor:
        """Layer 1: (U, length)."""
        kept = chars[:, : self.length]
        return nn.functional.pad(kept, (0, self.length - kept.shape[1]))

    def _from_third(self, ids: Tensor) -> dict[int, Tensor]:
        """Layers 3 to 17 of ids (U, length); the first convolution reads the layer before it."""
        alphabet = self.lookup(torch.arange(self.lookup.num_embeddings, device=ids.device))
        steps: dict[int, Tensor] = {}  # with the channels last
        for number, convolution in zip((3, 5, 7), self.narrowing, strict=True):
            steps[number] = (
                same_convolution_of(convolution, alphabet, ids)
                if number == 3
                else same_convolution(convolution, steps[number - 1])
            )
            steps[number + 1] = _halved(steps[number])
        for number, partner, convolution in zip((9, 11, 13), (8, 6, 4), self.widening, strict=True):
            steps[number] = same_convolution(convolution, steps[number - 1])
            steps[number + 1] = torch.cat([steps[partner], steps[number]], 1)
        given = {number: value.transpose(1, 2) for number, value in steps.items()}
        for number, layer in enumerate(self.regularizers, start=15):
            given[number] = layer(given[number - 1])
        return given


def _halved(steps: Tensor) -> Tensor:
    """The maxima of pairs of steps (U, L, channels), the odd last one left out: (U, L // 2, …)."""
    even = steps.shape[1] // 2 * 2
    return torch.maximum(steps[:, 0:even:2], steps[:, 1:even:2])
