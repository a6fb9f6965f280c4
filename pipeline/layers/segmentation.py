"""Named entity segmentation as a second task: which tokens are parts of entities of any type."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Segmentation(nn.Module):
    """One logit a token, trained beside the tags (Aguilar et al. 2017, the binary task).

    Args:
        width: the size of the features, which both tasks share.
        tags: the labels, in the order of their ids; all but O are parts of entities.
    """

    entity: Tensor

    def __init__(self, width: int, tags: Sequence[str]) -> None:
        super().__init__()
        self.logit = nn.Linear(width, 1)
        entity = torch.tensor([tag != "O" for tag in tags])
        self.register_buffer("entity", entity, persistent=False)

    def loss(self, features: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        """Binary cross entropy summed over a post's tokens, averaged over the posts.

        Features (B, T, width), tags and mask (B, T); summed, as the CRF's likelihood is.
        """
        logits = self.logit(features).squeeze(2)  # (B, T)
        wanted = self.entity[tags].to(logits.dtype)  # (B, T)
        summed = nn.functional.binary_cross_entropy_with_logits(
            logits[mask], wanted[mask], reduction="sum"
        )
        return summed / mask.shape[0]
