"""CWI with attention (Asgari-Chenaghlu et al. 2022): `cwi`, and equations 13 to 15.

    u_it = tanh(W_w h_it + b_w),  α_it = softmax_t(h_t·u_it),  β_i = Σ_t α_it h_it

The paper says two things of them, which exclude each other, and `attends` chooses:

- tokens: the layer stands "after layer 31 and before the final CRF layer". There each token has one
  vector, in which the modalities are merged; i is then the token that is tagged and t one of those
  attended to (`TokenAttention`).
- modalities: it is "applied to this triplet" and "able to detect on which modality to increase or
  decrease focus". With i the token and t its modality every printed index stands, and β is what
  layers 29 and 30 read. The three features have three widths, which the sum over t cannot have:
  each goes through a linear layer to `hidden` first, which is ours, and h_t is read as h_it. The
  image of a post without one has no part (`TripletAttention`).

As printed, the next layer reads β alone: `readout: attended`. `readout: both` gives it what β was
made of beside β, which trains better: over tokens, a token's own h is in its β only as far as the
token attends to itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor

from pipeline.layers.attention import TokenAttention, TripletAttention
from pipeline.layers.recurrent import BiLSTM
from pipeline.systems import cwi
from pipeline.systems.system import Batch, Inputs


class Model(cwi.Model):
    """CWI's sizes, what is attended to, and what the next layer reads."""

    attends: Literal["tokens", "modalities"]
    readout: Literal["attended", "both"]  # as printed, or our variant


class CWIAttention(cwi.CWI):
    """The whole network."""

    class Params(cwi.CWI.Params):
        """The block `systems.cwi_attention`."""

        model: Model

    def __init__(self, params: Params, inputs: Inputs) -> None:
        model = params.model
        hidden, both, over_tokens = (
            model.hidden,
            model.readout == "both",
            model.attends == "tokens",
        )
        super().__init__(params, inputs, 2 * hidden if both and over_tokens else hidden)
        self.both, self.over_tokens = both, over_tokens
        self.attention: TokenAttention | TripletAttention
        if over_tokens:
            self.attention = TokenAttention(hidden)
        else:
            self.attention = TripletAttention(self.widths, hidden)
            self.fusion = BiLSTM(hidden + (sum(self.widths) if both else 0), hidden)

    def encode(self, batch: Batch) -> Tensor:
        """What the CRF reads: (B, T, hidden), or h ⊕ β of tokens, (B, T, 2 hidden)."""
        if self.over_tokens:
            fused = self.fuse(batch)  # (B, T, hidden)
            attended, _ = self.attention(fused, batch.mask)  # (B, T, hidden)
            encoded = torch.cat([fused, attended], 2) if self.both else attended
        else:
            triplet = self.modalities(batch)
            attended, _ = self.attention(triplet, _there(batch))  # (B, T, hidden)
            read = torch.cat([*triplet, attended], 2) if self.both else attended
            encoded = self.fusion(read, batch.mask)
        read_by_crf: Tensor = self.dropout(encoded)
        return read_by_crf

    def explain(self, batch: Batch) -> Mapping[str, Tensor]:
        """α: `word_weights` over the post's tokens, or `modality_weights`, NaN without an image."""
        if self.over_tokens:
            _, weights = self.attention(self.fuse(batch), batch.mask)  # (B, T, T)
            return {"word_weights": weights.masked_fill(~batch.mask[:, None], torch.nan)}
        there = _there(batch)
        _, weights = self.attention(self.modalities(batch), there)  # (B, T, 3)
        return {"modality_weights": weights.masked_fill(~there[:, None], torch.nan)}

    def looked_at(self) -> Mapping[str, Sequence[str]]:
        """The triplet by name."""
        return {} if self.over_tokens else {"modality_weights": ("characters", "words", "image")}


def _there(batch: Batch) -> Tensor:
    """Which of characters, words and image each post has: (B, 3) bool."""
    text = torch.ones_like(batch.has_image)
    return torch.stack([text, text, batch.has_image], 1)
