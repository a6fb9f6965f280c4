"""Attention of words over image regions and words, and of a token over its modalities.

The adaptive co-attention network (Zhang et al. 2018) prints, for word t and region i,

    z_t = tanh(W_vI v_I ⊕ (W_ht h_t + b_ht)),   α_t = softmax(W_αt z_t + b_αt),

where ⊕ concatenates, so that with W_αt = [w1, w2] the score of region i is
w1·tanh(W_vI v_i) + w2·tanh(W_ht h_t + b_ht) + b_αt. The last two terms do not depend on i, and a
softmax over i takes them away: the weights, and with them the gradients, are the same for every
word. `ConcatenatedAttention` computes that once per post. `InteractiveAttention`, a variant of
ours, adds the two inside the tanh, so that the word does matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
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
        return self.attend(keys, self.read(keys), queries, mask)

    def read(self, keys: Tensor) -> Tensor:
        """W_k k_i of all keys (B, N, keys): (B, N, hidden). All queries share it."""
        return self.key(keys)  # type: ignore[no-any-return]

    def attend(
        self, keys: Tensor, read: Tensor, queries: Tensor, mask: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """As `forward`, of keys that `read` was called with."""
        added = read[:, None] + self.query(queries)[:, :, None]  # (B, Q, N, hidden)
        scores = self.score(added.tanh()).squeeze(3)  # (B, Q, N)
        return weighted(scores, keys, mask)


class TokenAttention(nn.Module):
    """Attention of each token over the post's tokens (Asgari-Chenaghlu et al. 2022, eq. 13-15).

    Printed are u_it = tanh(W_w h_it + b_w), α_it = softmax_t(h_t·u_it) and β_i = Σ_t α_it h_it:
    sums over t for each i. The CRF behind it needs one vector a token, so i is read as the token
    that is tagged and t as the one attended to: u_i = tanh(W_w h_i + b_w), α_it = softmax_t(h_t·
    u_i), β_i = Σ_t α_it h_t. With i as the post, β_i would be one vector for all of its tokens.
    `TripletAttention` is the reading with t over the modalities.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, width)  # W_w, b_w

    def forward(self, states: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """States h (B, T, width) with mask (B, T) to β (B, T, width) and α (B, T, T)."""
        scores = self.query(states).tanh() @ states.transpose(1, 2)  # (B, T, T)
        return weighted(scores, states, mask)


class TripletAttention(nn.Module):
    """Attention of a token over its modalities (Asgari-Chenaghlu et al. 2022, equations 13 to 15).

    u_it = tanh(W_w h_it + b_w), α_it = softmax_t(h_it·u_it), β_i = Σ_t α_it h_it, with i the token
    and t its modality. W_w and b_w have no index t and are shared. The sum needs one width: V_t
    brings each modality to it, which is not printed.

    Args:
        widths: the width of each modality.
        width: that of h.
    """

    def __init__(self, widths: Sequence[int], width: int) -> None:
        super().__init__()
        self.projections = nn.ModuleList(nn.Linear(own, width) for own in widths)  # V_t
        self.query = nn.Linear(width, width)  # W_w, b_w

    def forward(self, modalities: Sequence[Tensor], there: Tensor) -> tuple[Tensor, Tensor]:
        """M modalities (B, T, their width), those there (B, M), to β (B, T, width), α (B, T, M).

        Each post needs one modality that is there.
        """
        projected = zip(self.projections, modalities, strict=True)
        states = torch.stack([project(given) for project, given in projected], 2)  # (B, T, M, d)
        scores = (self.query(states).tanh() * states).sum(3)  # (B, T, M)
        weights = scores.masked_fill(~there[:, None], float("-inf")).softmax(2)
        return (weights[..., None] * states).sum(2), weights


class ModalityAttention(nn.Module):
    """How much each modality counts for a token (Moon et al. 2018, equations 4 and 5).

    [a^(1); ...; a^(M)] = σ(W_m [x^(1); ...; x^(M)] + b_m), α = softmax(a), x̄ = Σ_m α^(m) x^(m).
    σ keeps a in 0 to 1, so that of three modalities each weighs between 0.155 and 0.576, and none
    is ever switched off as the paper wants; a `linear` score is the other reading.
    Equation 5 is the same without the image: where a modality is not there, its x is left out of
    the product with W_m, and its a out of the softmax. W_m is one for both cases, so that posts
    with and without an image share a batch and a network.

    Args:
        modalities: M.
        width: p, the same for all of them.
        score: whether σ is applied, as printed.
    """

    def __init__(self, modalities: int, width: int, score: Literal["sigmoid", "linear"]) -> None:
        super().__init__()
        self.score = nn.Linear(modalities * width, modalities)  # W_m, b_m
        self.squash = torch.sigmoid if score == "sigmoid" else nn.Identity()

    def forward(self, modalities: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
        """Modalities (B, T, M, p), those there (B, M) to x̄ (B, T, p) and α (B, T, M).

        Each post needs one modality that is there.
        """
        seen = modalities * there[:, None, :, None]  # (B, T, M, p)
        scores = self.squash(self.score(seen.flatten(2)))  # (B, T, M)
        weights = scores.masked_fill(~there[:, None], float("-inf")).softmax(2)  # (B, T, M)
        return (weights[..., None] * seen).sum(2), weights


def weighted(scores: Tensor, keys: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Softmax the scores (B, Q, N) over the keys (B, N, d) where mask (B, N) is true.

    Returns:
        The weighted sums (B, Q, d) and the weights (B, Q, N); each post needs one true key.
    """
    if mask is not None:
        scores = scores.masked_fill(~mask[:, None], float("-inf"))
    weights = scores.softmax(2)  # (B, Q, N)
    return weights @ keys, weights
