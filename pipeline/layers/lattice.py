"""Probabilities of tags and spans under a linear-chain CRF, by forward and backward sums.

The sums are those of Rabiner 1989 (equations 20 and 25) with scores in place of probabilities
(Lafferty et al. 2001), as logarithms in float64: they equal the enumeration of all tag sequences.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor


class Lattice:
    """The distribution over the tag sequences of B posts of at most T tokens.

    Args:
        emissions: (B, T, tags).
        mask: (B, T), true from the left; each post has a token.
        start: the score of each first tag, (tags,).
        step: the score of each tag (column) behind each other one (row), (tags, tags).
        end: the score of each last tag, (tags,).
    """

    def __init__(
        self, emissions: Tensor, mask: Tensor, start: Tensor, step: Tensor, end: Tensor
    ) -> None:
        self._emissions = emissions.double().cpu()
        self._mask = mask.cpu()
        self._start, self._step, self._end = (x.double().cpu() for x in (start, step, end))

    @cached_property
    def _before(self) -> Tensor:
        """The log sum over all tags up to each token that end in each tag: (B, T, tags)."""
        sums = [self._start + self._emissions[:, 0]]
        for t in range(1, self._emissions.shape[1]):
            longer = torch.logsumexp(sums[-1][:, :, None] + self._step, 1) + self._emissions[:, t]
            sums.append(torch.where(self._mask[:, t, None], longer, sums[-1]))
        return torch.stack(sums, 1)

    @cached_property
    def _behind(self) -> Tensor:
        """The log sum over all tags behind each token, given its tag: (B, T, tags)."""
        sums = [self._end.expand_as(self._emissions[:, 0])]
        for t in range(self._emissions.shape[1] - 1, 0, -1):
            further = (self._emissions[:, t] + sums[-1])[:, None, :] + self._step
            there = self._mask[:, t, None]  # padding adds nothing to the last token's sum
            sums.append(torch.where(there, torch.logsumexp(further, 2), sums[-1]))
        return torch.stack(sums[::-1], 1)

    @cached_property
    def _total(self) -> Tensor:
        """The log sum over all tag sequences of each post: (B,)."""
        return torch.logsumexp(self._before[:, -1] + self._end, 1)

    def tokens(self) -> Tensor:
        """The log probability of each tag of each token, (B, T, tags); any number for padding."""
        return self._before + self._behind - self._total[:, None, None]

    def pairs(self) -> Tensor:
        """The log probability of tags a, b of tokens t, t + 1: (B, T - 1, tags a, tags b)."""
        reached = (self._emissions + self._behind)[:, 1:, None, :]
        total = self._total[:, None, None, None]
        return self._before[:, :-1, :, None] + self._step + reached - total

    @cached_property
    def _arrays(self) -> tuple[np.ndarray, ...]:
        """What `span` reads, in NumPy, where single numbers are read far faster."""
        read = (self._before, self._behind, self._emissions, self._step, self._total)
        return tuple(x.numpy() for x in read)

    def span(self, post: int, first: int, tags: Sequence[int]) -> float:
        """The probability that the tokens from `first` on have just these tags.

        It is the sum over all sequences that have them, whatever the tags before and behind.
        """
        before, behind, emissions, step, total = self._arrays
        score = before[post, first, tags[0]] - total[post]
        last = first
        for a, b in pairwise(tags):
            last += 1
            score += step[a, b] + emissions[post, last, b]
        return float(min(1.0, np.exp(score + behind[post, last, tags[-1]])))
