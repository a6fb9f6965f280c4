"""Image attributes, the words that a classifier has for an image, as one more word of the post.

Chen et al. 2021 (3.4) say that "a two-layer fully connected network" gives the attributes'
representation, and that the set A of the words attended to holds "the word-char embedding of the
weighted average of image attributes": A is read as one vector. Whether the network makes the
vectors that are averaged or the weights of the average is open, and there is a class for each. Its
activation is not named; it is tanh here. e_i is the word-char embedding of the i-th attribute; each
word of a name of several words counts as an attribute with its share of the probability p_i.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

TINY = 1e-12  # below any weight that counts


class AttributeAverage(nn.Module):
    """The network makes vectors, which are averaged by the classifier's probabilities.

    a = Σ_i p_i (W_2 tanh(W_1 e_i + b_1) + b_2) / Σ_i p_i.

    Args:
        width: the size of a word's vector.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, width))

    def forward(self, words: Tensor, weights: Tensor) -> Tensor:
        """Attributes (B, K, d), weighted (B, K) with 0 for padding, to a (B, d).

        A post whose weights are all 0 gets zeros.
        """
        shares = weights / weights.sum(1, keepdim=True).clamp(min=TINY)  # (B, K)
        return (shares[:, :, None] * self.layers(words)).sum(1)  # type: ignore[no-any-return]


class AttributeAttention(nn.Module):
    """The network makes the weights of the words' own vectors; probabilities have no part in them.

    s_i = w_2 tanh(W_1 e_i + b_1), a = Σ_i softmax(s)_i e_i: so do Cai et al. 2019, whom the paper
    cites for attributes. The printed a is then in the space of words, as K and X are.

    Args:
        width: the size of a word's vector.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        # A bias of the second layer would cancel out of the softmax.
        self.layers = nn.Sequential(
            nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1, bias=False)
        )

    def forward(self, words: Tensor, weights: Tensor) -> Tensor:
        """As `AttributeAverage.forward`; a word has a part if its weight is above 0."""
        there = weights > 0  # (B, K)
        scores = self.layers(words).squeeze(2)  # (B, K)
        # No -inf: a post without any word would have NaN for its gradient.
        scores = scores.masked_fill(~there, torch.finfo(scores.dtype).min)
        shares = scores.softmax(1).masked_fill(~there, 0.0)
        average: Tensor = (shares[:, :, None] * words).sum(1)
        return average
