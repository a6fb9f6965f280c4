"""From features to tags: a conditional random field, or each token by itself.

Both decoders have one interface: `loss` of gold tags, `decode` to the best tags, and `lattice`, the
distribution over all tags, out of which `pipeline.layers.lattice` takes probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn
from torchcrf import CRF

from pipeline.layers.lattice import Lattice
from pipeline.layers.likelihood import LogLikelihood

# It is large enough to rule a transition out, and small enough that sums of it keep float32 exact.
FORBIDDEN = -1e4


class TagDecoder(Protocol):
    """The interface of a system's last layer."""

    def loss(self, features: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        """Mean loss of a batch; features (B, T, d), tags and mask (B, T)."""

    def decode(self, features: Tensor, mask: Tensor) -> list[list[int]]:
        """The best tag ids of each post, as many as its mask is true."""

    def lattice(self, features: Tensor, mask: Tensor) -> Lattice:
        """The distribution over the tags of each post that `decode` takes the best of."""


class CRFDecoder(nn.Module):
    """A linear layer and a linear-chain CRF: maximum conditional likelihood.

    The weights are pytorch-crf's; `LogLikelihood` and `viterbi` compute what it would, faster.

    Args:
        width: the size of the features.
        tags: the labels, in the order of their ids.
        constrained: whether decoding rules out what BIO does not allow (I-X after anything but B-X
            or I-X). Training keeps every transition possible, since corpora hold such labels.
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
        crf = self.crf
        weights = (crf.start_transitions, crf.transitions, crf.end_transitions)
        with torch.autocast(features.device.type, enabled=False):  # it sums over whole posts
            emissions = self.emissions(features.to(self.emissions.weight.dtype))  # (B, T, tags)
            likelihood: Tensor = LogLikelihood.apply(emissions, *weights, tags, mask)
        return -likelihood.mean()

    @torch.no_grad()
    def decode(self, features: Tensor, mask: Tensor) -> list[list[int]]:
        """The tags that `viterbi` finds. No weight is touched: threads may share the decoder."""
        return viterbi(self.emissions(features), mask, *self._transitions())

    @torch.no_grad()
    def lattice(self, features: Tensor, mask: Tensor) -> Lattice:
        """The CRF's distribution; constrained, what BIO forbids has no probability."""
        return Lattice(self.emissions(features), mask, *self._transitions())

    def _transitions(self) -> tuple[Tensor, Tensor, Tensor]:
        """The scores of first tags (tags,), of transitions (tags, tags), of last tags (tags,)."""
        start = self.crf.start_transitions + self.start_penalty
        step = self.crf.transitions + self.step_penalty
        return start, step, self.crf.end_transitions


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

    @torch.no_grad()
    def lattice(self, features: Tensor, mask: Tensor) -> Lattice:
        """A distribution without transitions: a span's probability is the product of its tags'."""
        scores = self.emissions(features)
        none = scores.new_zeros(scores.shape[2])
        return Lattice(scores, mask, none, none[:, None] + none, none)


def viterbi(
    emissions: Tensor, mask: Tensor, start: Tensor, step: Tensor, end: Tensor
) -> list[list[int]]:
    """The best tag sequence of each post; of two equal scores the lower tag wins.

    The sums are those of pytorch-crf's `CRF.decode`, in the same order, and so are its tags.

    Args:
        emissions: (B, T, tags).
        mask: (B, T), true from the left; each post has a token.
        start: the score of each first tag, (tags,).
        step: the score of each tag (column) behind each other one (row), (tags, tags).
        end: the score of each last tag, (tags,).

    Returns:
        As many tag ids for each post as its mask is true.
    """
    score = start + emissions[:, 0]  # (B, tags): the best sequence that ends in each tag
    behind = []  # from the second token on: the best tag before each tag, (B, tags)
    for t in range(1, emissions.shape[1]):
        longer = score[:, :, None] + step + emissions[:, t, None]  # (B, tags, tags)
        best, before = longer.max(1)
        score = torch.where(mask[:, t, None], best, score)
        behind.append(before)
    last = (score + end).argmax(1).tolist()  # the last tag of each post
    lengths = mask.sum(1).tolist()
    steps = torch.stack(behind).cpu().numpy() if behind else ()
    found = []
    for post, (tag, length) in enumerate(zip(last, lengths, strict=True)):
        tags = [tag]
        for before in reversed(steps[: length - 1]):
            tags.append(int(before[post, tags[-1]]))
        found.append(tags[::-1])
    return found


def bio_penalties(tags: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Penalties on first tags (tags,) and transitions (tags, tags) that BIO forbids."""
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
