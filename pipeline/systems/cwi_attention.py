"""CWI with attention (Asgari-Chenaghlu et al. 2022): `cwi`, and equations 13 to 15 before the CRF.

"The same parameter settings have been used with an additional attention layer", behind layer 31.
As printed, the CRF reads the attended vectors β alone; a token's own h is in its β only as far as
the token attends to itself. `readout: both` gives the CRF h beside β, which trains better.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from pipeline.layers.attention import TokenAttention
from pipeline.systems import cwi
from pipeline.systems.system import Batch, Inputs


class Model(cwi.Model):
    """CWI's sizes, and what the CRF reads."""

    readout: Literal["attended", "both"]  # as printed, or our variant


class CWIAttention(cwi.CWI):
    """The whole network."""

    class Params(cwi.CWI.Params):
        """The block `systems.cwi_attention`."""

        model: Model

    def __init__(self, params: Params, inputs: Inputs) -> None:
        model = params.model
        both = model.readout == "both"
        super().__init__(params, inputs, 2 * model.hidden if both else model.hidden)
        self.attention = TokenAttention(model.hidden)
        self.both = both

    def encode(self, batch: Batch) -> Tensor:
        """β, or h ⊕ β: (B, T, hidden or 2 hidden)."""
        fused = self.fuse(batch)
        attended, _ = self.attention(fused, batch.mask)
        encoded: Tensor = self.dropout(torch.cat([fused, attended], 2) if self.both else attended)
        return encoded

    def explain(self, batch: Batch) -> Mapping[str, Tensor]:
        """`word_weights`: α of each token over the post's tokens."""
        _, weights = self.attention(self.fuse(batch), batch.mask)  # (B, T, T)
        return {"word_weights": weights.masked_fill(~batch.mask[:, None], torch.nan)}
