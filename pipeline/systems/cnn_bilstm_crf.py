"""CNN-BiLSTM-CRF (Ma and Hovy 2016): the text half of the adaptive co-attention network."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from pipeline.layers.crf import CRFDecoder
from pipeline.layers.text import SpelledTextSizes, spelled_word_encoder
from pipeline.systems.system import Batch, Inputs, System, SystemParams

REQUIRES: Mapping[str, str] = {}


class Model(SpelledTextSizes):
    """The network's sizes, as Zhang et al. 2018 set them for this baseline."""

    constrained: bool = True  # decode only what BIO allows


class Params(SystemParams):
    """The block `systems.cnn_bilstm_crf`."""

    model: Model


class CNNBiLSTMCRF(System):
    """[words; character CNN] -> BiLSTM -> CRF."""

    def __init__(self, model: Model, inputs: Inputs) -> None:
        super().__init__()
        self.text = spelled_word_encoder(model, inputs.table, inputs.found, inputs.characters)
        self.decoder = CRFDecoder(model.hidden, inputs.tags, model.constrained)

    def encode(self, batch: Batch) -> Tensor:
        """The BiLSTM's output (B, T, hidden)."""
        read: Tensor = self.text(batch.words, batch.chars, batch.spelling, batch.mask)
        return read


def build(params: Params, inputs: Inputs) -> System:
    """The network of `params`."""
    return CNNBiLSTMCRF(params.model, inputs)
