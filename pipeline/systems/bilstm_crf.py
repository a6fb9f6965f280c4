"""BiLSTM-CRF over words alone (Huang, Xu and Yu 2015): the text baseline of the papers' tables."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from pipeline.layers.crf import CRFDecoder
from pipeline.layers.text import TextSizes, word_encoder
from pipeline.systems.system import Batch, Inputs, System, SystemParams

REQUIRES: Mapping[str, str] = {}


class Model(TextSizes):
    """The network's sizes."""

    constrained: bool = True  # decode only what BIO allows


class Params(SystemParams):
    """The block `systems.bilstm_crf`."""

    model: Model


class BiLSTMCRF(System):
    """Words -> BiLSTM -> CRF."""

    def __init__(self, model: Model, inputs: Inputs) -> None:
        super().__init__()
        self.text = word_encoder(model, inputs.table, inputs.found)
        self.decoder = CRFDecoder(model.hidden, inputs.tags, model.constrained)

    def encode(self, batch: Batch) -> Tensor:
        """The BiLSTM's output (B, T, hidden)."""
        read: Tensor = self.text(batch.words, batch.chars, batch.spelling, batch.mask)
        return read


def build(params: Params, inputs: Inputs) -> System:
    """The network of `params`."""
    return BiLSTMCRF(params.model, inputs)
