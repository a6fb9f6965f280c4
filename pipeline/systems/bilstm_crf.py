"""BiLSTM-CRF over words alone (Huang, Xu and Yu 2015): the text baseline of the papers' tables."""

from __future__ import annotations

from torch import Tensor

from pipeline.layers.crf import CRFDecoder
from pipeline.layers.text import TextSizes, word_encoder
from pipeline.systems.system import Batch, Inputs, System, SystemModel, SystemParams


class Model(SystemModel, TextSizes):
    """The network's sizes."""


class BiLSTMCRF(System):
    """Words -> BiLSTM -> CRF."""

    class Params(SystemParams):
        """The block `systems.bilstm_crf`."""

        model: Model

    def __init__(self, params: Params, inputs: Inputs) -> None:
        super().__init__(params, inputs)
        model = params.model
        context = inputs.context(params.context)
        self.text = word_encoder(model, inputs.table, inputs.found, context)
        self.decoder = CRFDecoder(model.hidden, inputs.tags, model.constrained)

    def encode(self, batch: Batch) -> Tensor:
        """The BiLSTM's output (B, T, hidden)."""
        read: Tensor = self.text(
            batch.words, batch.chars, batch.spelling, batch.mask, batch.context
        )
        return read
