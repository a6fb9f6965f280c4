"""Adaptive co-attention network for NER in tweets (Zhang, Fu, Liu and Huang, AAAI 2018).

Character CNN and word vectors -> BiLSTM (h); word-guided visual attention over the 7 x 7 regions
(v̂); image-guided textual attention over the words (ĥ); gated multimodal fusion (m); filtration
gate (u); CRF over W (h ⊕ u). All widths behind the BiLSTM equal its own, d, as published.

The paper's ablations are settings: `crf: false` is CBCFuFi, `fusion: concatenate` is CBCFiC and
`filtration: false` is CBCFuC. A post without a usable image goes through the same network with
u = 0, so that it is tagged by its text.

What the paper leaves open:

- RMSprop "at 0.19" diverges as printed. The authors' released program builds that optimizer and
  then compiles the network with the library's default one, so that 0.19 never took effect: the
  preset `released` has the default's rate. The batch of 10 and the 25 epochs are that program's.
- ⊕ of the attentions, the size of the fusion gate and ⊕ of the filtration gate: see
  `ConcatenatedAttention`, `GatedFusion` and `FiltrationGate`.
- Sentences have 35 words, cut or padded; here they have all of theirs. Words have 30 characters,
  padded on the right: `char_padding: right`.
- Dropout is on in Table 3; neither its share nor its place is printed. Here it is 0.5, before and
  after the BiLSTM.
- Pictures are "resized to 224 x 224": `extract.regions.resize: stretch`.
- Whether word vectors are trained further is not said; they are.

`explain` gives α (`region_weights`), β (`word_weights`), g (`fusion_gate`) and s
(`filtration_gate`) for posts with a usable image; without one, none of them reaches the decoder.
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
from pipeline.systems.system import (
    Batch,
    Inputs,
    StoreOutput,
    System,
    SystemModel,
    SystemParams,
)

REGIONS = StoreOutput("regions", output="grid", role="regions")
ATTENTION = {"concatenated": ConcatenatedAttention, "interactive": InteractiveAttention}


class Model(SystemModel, SpelledTextSizes):
    """The network's sizes, and the choices that the paper's ablations and our variants make.

    `hidden` is d, the width of the BiLSTM's output and of all layers behind it.
    """

    attention: Literal["concatenated", "interactive"]  # as printed, or our variant
    attention_width: int = Field(ge=1)  # k
    fusion: Literal["scalar_gate", "feature_gate", "concatenate"]
    filtration: bool
    crf: bool


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

    def forward(
        self, words: Tensor, mask: Tensor, regions: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Words (B, T, d), mask (B, T) and regions (B, N, region_width) to m, and how it came.

        Returns:
            m (B, T or 1, width), and by kind the weights and the gate that made it, (B, T or 1, k)
            with one row where it is the same for all words.
        """
        seen = self.region(regions).tanh()  # (B, N, d), equation 1
        image, alpha = self.visual(seen, words, None)  # v̂ (B, T or 1, d), α (B, T or 1, N)
        text, beta = self.textual(words, image, mask)  # ĥ (B, T or 1, d), β (B, T or 1, T)
        fused, gate = self.fusion(image, text)  # (B, T or 1, width), g (B, T or 1, 1 or d)
        beta = beta.masked_fill(~mask[:, None], torch.nan)
        looked = {"region_weights": alpha, "word_weights": beta}
        return fused, looked if gate is None else looked | {"fusion_gate": gate}


class AdaptiveCoAttention(System):
    """The whole network."""

    class Params(SystemParams):
        """The block `systems.adaptive_coattention`."""

        model: Model

    reads = (REGIONS,)

    def __init__(self, params: Params, inputs: Inputs) -> None:
        super().__init__(params, inputs)
        model = params.model
        d = model.hidden
        context = inputs.context(params.context)
        self.text = spelled_word_encoder(
            model, inputs.table, inputs.found, inputs.characters, context
        )
        self.coattention = CoAttention(model, inputs.shapes[REGIONS.cache][-1])
        fused = self.coattention.width
        self.filtration = FiltrationGate(d, fused, d) if model.filtration else None
        width = d + (d if model.filtration else fused)
        self.decoder = (
            CRFDecoder(width, inputs.tags, model.constrained)
            if model.crf
            else SoftmaxDecoder(width, inputs.tags)
        )

    def encode(self, batch: Batch) -> Tensor:
        """The CRF reads h ⊕ u, or h ⊕ m without the filtration gate: (B, T, width)."""
        return self._encode(batch)[0]

    def explain(self, batch: Batch) -> Mapping[str, Tensor]:
        """The weights α and β, and the gates g and s if the setting has them: (B, T, k) each."""
        unseen = ~batch.has_image[:, None, None]  # (B, 1, 1)
        steps = batch.words.shape[1]
        return {
            kind: values.expand(-1, steps, -1).masked_fill(unseen, torch.nan)
            for kind, values in self._encode(batch)[1].items()
        }

    def _encode(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        words = self.text(
            batch.words, batch.chars, batch.spelling, batch.mask, batch.context
        )  # (B, T, d)
        fused, looked = self.coattention(words, batch.mask, batch.features[REGIONS.cache])
        kept = fused  # (B, T or 1, fused)
        if self.filtration is not None:
            kept, looked["filtration_gate"] = self.filtration(words, fused)  # (B, T, d), (B, T, 1)
        kept = kept * batch.has_image[:, None, None]  # u = 0 without an image
        return torch.cat([words, kept.expand(-1, words.shape[1], -1)], 2), looked
