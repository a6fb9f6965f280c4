"""CNN-BiLSTM-CRF (Ma and Hovy 2016): the text half of the adaptive co-attention network."""

from __future__ import annotations

from torch import Tensor

from pipeline.layers.crf import CRFDecoder
from pipeline.layers.text import SpelledTextSizes, spelled_word_encoder
from pipeline.systems.system import Batch, Inputs, System, SystemModel, SystemParams


class Model(SystemModel, SpelledTextSizes):
    """The network's sizes."""


class CNNBiLSTMCRF(System):
    """[words; character CNN] -> BiLSTM -> CRF."""

    class Params(SystemParams):
        """The block `systems.cnn_bilstm_crf`."""

        model: Model

    def __init__(self, params: Params, inputs: Inputs) -> None:
        super().__init__(params, inputs)
        model = params.model
        context = inputs.context(params.context)
        self.text = spelled_word_encoder(
            model, inputs.table, inputs.found, inputs.characters, context
        )
        self.decoder = CRFDecoder(model.hidden, inputs.tags, model.constrained)

    def encode(self, batch: Batch) -> Tensor:
        """The BiLSTM's output (B, T, hidden)."""
        read: Tensor = self.text(
            batch.words, batch.chars, batch.spelling, batch.mask, batch.context
        )
        return read
