"""Adaptive co-attention network for NER in tweets (Zhang, Fu, Liu and Huang, AAAI 2018).

Character CNN and word vectors -> BiLSTM (h); word-guided visual attention over the 7 x 7 regions
(v̂); image-guided textual attention over the words (ĥ); gated multimodal fusion (m); filtration
gate (u); CRF over W (h ⊕ u). All widths behind the BiLSTM equal its own, d, as published.

The paper's ablations are settings: `crf: false` is CBCFuFi, `fusion: concatenate` is CBCFiC and
`filtration: false` is CBCFuC. A post without a usable image goes through the same network with
u = 0, so that it is tagged by its text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from pipeline.layers.attention import ConcatenatedAttention, InteractiveAttention
from pipeline.layers.crf import CRFDecoder, SoftmaxDecoder
from pipeline.layers.gates import ConcatenatedFusion, FiltrationGate, GatedFusion
from pipeline.layers.text import SpelledTextSizes, spelled_word_encoder
from pipeline.systems.system import Batch, Inputs, System, SystemParams

REQUIRES: Mapping[str, str] = {"regions": "grid"}

ATTENTION = {"concatenated": ConcatenatedAttention, "interactive": InteractiveAttention}


class Model(SpelledTextSizes):
    """The network's sizes, and the choices that the paper's ablations and our variants make.

    `hidden` is d, the width of the BiLSTM's output and of all that comes behind it.
    """

    attention: Literal["concatenated", "interactive"] = "concatenated"  # as printed, or our variant
    attention_width: int = Field(200, ge=1)  # k
    fusion: Literal["scalar_gate", "feature_gate", "concatenate"] = "scalar_gate"
    filtration: bool = True
    crf: bool = True
    constrained: bool = True  # decode only what BIO allows; the CRF's


class Params(SystemParams):
    """The block `systems.adaptive_coattention`."""

    model: Model


class CoAttention(nn.Module):
    """From words h and regions ṽ to the multimodal vector m of each word, before its filter."""

    def __init__(self, model: Model, region_width: int) -> None:
        super().__init__()
        d, attend = model.hidden, ATTENTION[model.attention]
        self.region = nn.Linear(region_width, d)  # equation 1
        self.visual = attend(d, d, model.attention_width)
        self.textual = attend(d, d, model.attention_width)
        self.fusion: GatedFusion | ConcatenatedFusion
        if model.fusion == "concatenate":
            self.fusion = ConcatenatedFusion(d)
        else:
            self.fusion = GatedFusion(d, per_feature=model.fusion == "feature_gate")
        self.width = self.fusion.width

    def forward(self, words: Tensor, mask: Tensor, regions: Tensor) -> Tensor:
        """Words (B, T, d), mask (B, T), regions (B, N, region_width) to m (B, T or 1, width)."""
        seen = self.region(regions).tanh()  # (B, N, d), equation 1
        image, _ = self.visual(seen, words, None)  # v̂ (B, T or 1, d)
        text, _ = self.textual(words, image, mask)  # ĥ (B, T or 1, d)
        fused, _ = self.fusion(image, text)  # (B, T or 1, width)
        return fused  # type: ignore[no-any-return]


class AdaptiveCoAttention(System):
    """The whole network."""

    def __init__(self, model: Model, inputs: Inputs) -> None:
        super().__init__()
        d = model.hidden
        self.text = spelled_word_encoder(model, inputs.table, inputs.found, inputs.characters)
        self.coattention = CoAttention(model, inputs.shapes["regions"][-1])
        fused = self.coattention.width
        self.filtration = FiltrationGate(d, fused, d) if model.filtration else None
        width = d + (d if model.filtration else fused)
        self.decoder = (
            CRFDecoder(width, inputs.tags, model.constrained)
            if model.crf
            else SoftmaxDecoder(width, inputs.tags)
        )

    def encode(self, batch: Batch) -> Tensor:
        """What the CRF reads: h ⊕ u, or h ⊕ m without the filtration gate: (B, T, width)."""
        words = self.text(batch.words, batch.chars, batch.spelling, batch.mask)  # (B, T, d)
        fused = self.coattention(words, batch.mask, batch.features["regions"])
        fused = fused.expand(-1, words.shape[1], -1)  # (B, T, fused)
        kept = self.filtration(words, fused)[0] if self.filtration is not None else fused
        kept = kept * batch.has_image[:, None, None]  # u = 0 without an image
        return torch.cat([words, kept], 2)


def build(params: Params, inputs: Inputs) -> System:
    """The network of `params`."""
    return AdaptiveCoAttention(params.model, inputs)
