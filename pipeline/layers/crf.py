"""From features to tags: a conditional random field, or each token by itself.

Both decoders have one interface: `loss` of gold tags, `decode` to the best tags.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn
from torchcrf import CRF

# Large enough to rule a transition out, small enough that sums of them stay exact in float32.
FORBIDDEN = -1e4


class TagDecoder(Protocol):
    """What a system asks of its last layer."""

    def loss(self, features: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        """Mean loss of a batch; features (B, T, d), tags and mask (B, T)."""

    def decode(self, features: Tensor, mask: Tensor) -> list[list[int]]:
        """The best tag ids of each post, as many as its mask is true."""


class CRFDecoder(nn.Module):
    """A linear layer and a linear-chain CRF (pytorch-crf): maximum conditional likelihood.

    Args:
        width: of the features.
        tags: the labels, in the order of their ids.
        constrained: rule out what BIO does not allow (I-X after anything but B-X or I-X) when
            decoding. Training keeps every transition possible, since corpora hold such labels.
    """

    def __init__(self, width: int, tags: Sequence[str], constrained: bool = False) -> None:
        super().__init__()
        self.emissions = nn.Linear(width, len(tags))
        self.crf = CRF(len(tags), batch_first=True)
        start, step = bio_penalties(tags)
        if not constrained:
            start, step = torch.zeros_like(start), torch.zeros_like(step)
        self.register_buffer("start_penalty", start, persistent=False)
        self.register_buffer("step_penalty", step, persistent=False)

    def loss(self, features: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        """Negative log-likelihood of the gold tags, averaged over the posts."""
        likelihood = self.crf(self.emissions(features), tags, mask=mask, reduction="mean")
        return -likelihood  # type: ignore[no-any-return]

    @torch.no_grad()
    def decode(self, features: Tensor, mask: Tensor) -> list[list[int]]:
        """Viterbi decoding."""
        kept = self.crf.start_transitions.clone(), self.crf.transitions.clone()
        self.crf.start_transitions += self.start_penalty
        self.crf.transitions += self.step_penalty
        try:
            best: list[list[int]] = self.crf.decode(self.emissions(features), mask=mask)
        finally:
            self.crf.start_transitions.copy_(kept[0])
            self.crf.transitions.copy_(kept[1])
        return best


class SoftmaxDecoder(nn.Module):
    """Each token's tag by itself (Zhang et al. 2018, ablation CBCFuFi: "no CRF component")."""

    def __init__(self, width: int, tags: Sequence[str]) -> None:
        super().__init__()
        self.emissions = nn.Linear(width, len(tags))

    def loss(self, features: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        """Cross entropy summed over a post's tokens, averaged over the posts, as the CRF's is."""
        scores = self.emissions(features)  # (B, T, tags)
        summed = nn.functional.cross_entropy(scores[mask], tags[mask], reduction="sum")
        return summed / mask.shape[0]

    @torch.no_grad()
    def decode(self, features: Tensor, mask: Tensor) -> list[list[int]]:
        """The best tag of each token."""
        best = self.emissions(features).argmax(2)  # (B, T)
        return [row[kept].tolist() for row, kept in zip(best, mask, strict=True)]


def bio_penalties(tags: Sequence[str]) -> tuple[Tensor, Tensor]:
    """What to add to start scores (tags,) and transitions (tags, tags) to hold to BIO."""
    start = torch.zeros(len(tags))
    step = torch.zeros(len(tags), len(tags))
    for column, tag in enumerate(tags):
        if tag.startswith("I-"):
            start[column] = FORBIDDEN
            allowed = {tag, f"B-{tag[2:]}"}
            for row, before in enumerate(tags):
                if before not in allowed:
                    step[row, column] = FORBIDDEN
    return start, step
