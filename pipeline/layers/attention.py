"""Attention of a query over keys, where both are concatenated or added under a tanh.

The adaptive co-attention network (Zhang et al. 2018) prints, for word t and region i,

    z_t = tanh(W_vI v_I ⊕ (W_ht h_t + b_ht)),   α_t = softmax(W_αt z_t + b_αt),

where ⊕ concatenates, so that with W_αt = [w1, w2] the score of region i is
w1·tanh(W_vI v_i) + w2·tanh(W_ht h_t + b_ht) + b_αt. The last two terms do not depend on i, and a
softmax over i takes them away: the weights, and with them the gradients, are the same for every
word. `ConcatenatedAttention` computes that once per post. `InteractiveAttention`, a variant of
ours, adds the two inside the tanh, so that the word does matter.
"""

from __future__ import annotations

from torch import Tensor, nn


class ConcatenatedAttention(nn.Module):
    """The printed attention, exactly, at one attention per post instead of one per word.

    W_ht, b_ht, b_αt and w2 receive no gradient in the printed form and change nothing, so they
    are not kept.

    Args:
        keys: width of a key.
        queries: width of a query; taken so that both kinds are built alike.
        hidden: k, the width of W_vI v_i.
    """

    def __init__(self, keys: int, queries: int, hidden: int) -> None:
        super().__init__()
        del queries
        self.key = nn.Linear(keys, hidden, bias=False)  # W_vI
        self.score = nn.Linear(hidden, 1, bias=False)  # w1

    def forward(self, keys: Tensor, queries: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Attend to keys (B, N, keys); queries (B, Q, queries) do not change the result.

        Returns:
            The weighted sum of the keys (B, 1, keys) and the weights (B, 1, N): one for all Q.
        """
        del queries
        scores = self.score(self.key(keys).tanh()).transpose(1, 2)  # (B, 1, N)
        return weighted(scores, keys, mask)


class InteractiveAttention(nn.Module):
    """Additive attention: the score of key i for query t is w·tanh(W_k k_i + W_q q_t + b).

    Args:
        keys: width of a key.
        queries: width of a query.
        hidden: width inside the tanh.
    """

    def __init__(self, keys: int, queries: int, hidden: int) -> None:
        super().__init__()
        self.key = nn.Linear(keys, hidden, bias=False)
        self.query = nn.Linear(queries, hidden)
        self.score = nn.Linear(hidden, 1, bias=False)

    def forward(self, keys: Tensor, queries: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Attend to keys (B, N, keys) for each of the queries (B, Q, queries).

        Returns:
            The weighted sums of the keys (B, Q, keys) and the weights (B, Q, N).
        """
        added = self.key(keys)[:, None] + self.query(queries)[:, :, None]  # (B, Q, N, hidden)
        scores = self.score(added.tanh()).squeeze(3)  # (B, Q, N)
        return weighted(scores, keys, mask)


def weighted(scores: Tensor, keys: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Softmax the scores (B, Q, N) over the keys (B, N, d) where mask (B, N) is true.

    Returns:
        The weighted sums (B, Q, d) and the weights (B, Q, N); each post needs one true key.
    """
    if mask is not None:
        scores = scores.masked_fill(~mask[:, None], float("-inf"))
    weights = scores.softmax(2)  # (B, Q, N)
    return weights @ keys, weights
