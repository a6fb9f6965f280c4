"""One answer out of several seeds: the mean of their distributions over tags.

The seeds' mean is a mixture of chains, whose best sequence no short sum finds. It is decoded by the
one chain that is nearest to it (the smallest Kullback-Leibler divergence from the mixture): that
chain has the mixture's marginals of tokens and of neighbouring pairs, so that
p(y) = p(y1) * prod p(y[t+1] | y[t]), whose best sequence Viterbi's sums find. With one seed this is
the seed's own distribution. The probability of a span is exact: the mean of the seeds'.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pipeline.layers.lattice import Lattice


def vote(lattices: Sequence[Lattice], lengths: Sequence[int]) -> list[list[int]]:
    """The best tags of each post, as many as it is long, by the mean of the seeds."""
    tokens = _mean([lattice.tokens() for lattice in lattices])  # (B, T, tags)
    pairs = _mean([lattice.pairs() for lattice in lattices])  # (B, T - 1, tags, tags)
    given = pairs - tokens[:, :-1, :, None]  # log p(b at t + 1 | a at t)
    return [_best(tokens[post, 0], given[post, : n - 1]) for post, n in enumerate(lengths)]


def _mean(logs: Sequence[Tensor]) -> Tensor:
    """The logarithm of the mean of probabilities."""
    return torch.logsumexp(torch.stack(list(logs)), 0) - torch.log(torch.tensor(float(len(logs))))


def _best(first: Tensor, given: Tensor) -> list[int]:
    """The best sequence of a chain with first tags (tags,) and steps (T - 1, tags, tags)."""
    score, behind = first, []
    for step in given:
        score, before = (score[:, None] + step).max(0)
        behind.append(before)
    tags = [int(score.argmax())]
    for before in reversed(behind):
        tags.append(int(before[tags[-1]]))
    return tags[::-1]
