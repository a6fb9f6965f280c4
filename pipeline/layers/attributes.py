"""Image attributes, the words that a classifier has for an image, as one more word of the post."""

from __future__ import annotations

from torch import Tensor, nn

TINY = 1e-12  # below any weight that counts


class AttributeAverage(nn.Module):
    """A two-layer network over each attribute, averaged by probability (Chen et al. 2021, 3.4).

    a = Σ_i p_i (W_2 σ(W_1 e_i + b_1) + b_2) / Σ_i p_i, with e_i the word-char embedding of the
    i-th attribute. The paper says that "a two-layer fully connected network" gives the attributes'
    representation, and that the set A of the words attended to holds "the word-char embedding of
    the weighted average of image attributes": A is read as this one vector. σ is not named; it is
    tanh here.

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
