"""CWI, characters, words and image (Asgari-Chenaghlu et al. 2022, Tables 4 to 7).

A deep character network (Table 4), a BiLSTM over the concatenated word vectors (Table 5), an LSTM
over the image words (Table 6); the three concatenated, a BiLSTM over them, and a CRF (Table 7).
A post without a usable image has zeros for the image's vector.

The paper's experiments are settings: Table 9 is `regularized`; Table 8 varies the width of the
word vectors: `vectors` names the sources, whose vectors are laid side by side (GloVe of 50, 100,
200 or 300 beside fastText of 300).

What the paper leaves open:

- Targeted dropout and SineReLU: `TargetedDropout` says which readings there are; `targets` and
  `prune` choose. Group normalisation is of a word, not of a post: see `CWICharacters`.
- Posts have 35 words (Tables 4 and 5); here they have all of theirs. Of Twitter2015's 8,257 posts
  5 are longer.
- The LSTM over the image words reads the likeliest class first.
- Only the targeted dropout is printed. `dropout` around the BiLSTMs is our addition; it is 0 in
  the published preset.
- Vectors that a source lacks start at random "at each embedding": see `WordEmbedding`.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from pipeline.layers.characters import of_each_word
from pipeline.layers.crf import CRFDecoder
from pipeline.layers.cwi_characters import CWICharacters, CWICharacterSizes
from pipeline.layers.dropout import Dropout
from pipeline.layers.image_words import ImageWordLSTM
from pipeline.layers.recurrent import BiLSTM
from pipeline.layers.text import TextSizes, word_encoder
from pipeline.systems.system import (
    Batch,
    ImageClasses,
    Inputs,
    System,
    SystemModel,
    SystemParams,
)

IMAGE_WORDS = ImageClasses("image_words", role="tags")


class Model(SystemModel, TextSizes, CWICharacterSizes):
    """The network's sizes; `hidden` is the size of both BiLSTMs (layers 24 and 31)."""

    image_width: int = Field(ge=1)  # size of an image word's vector
    image_hidden: int = Field(ge=1)  # size of the state of the LSTM over image words


class CWI(System):
    """The whole network.

    Args:
        params: the block.
        inputs: what the corpus and the caches decide.
        decoded: width of the features that the CRF reads; None: the width of layer 31.
    """

    class Params(SystemParams):
        """The block `systems.cwi`."""

        model: Model

    reads = (IMAGE_WORDS,)

    def __init__(self, params: Params, inputs: Inputs, decoded: int | None = None) -> None:
        super().__init__(params, inputs)
        model = params.model
        context = inputs.context(params.context)
        self.words = word_encoder(model, inputs.table, inputs.found, context)
        self.characters = CWICharacters(inputs.characters, model)
        self.image = ImageWordLSTM(inputs.classes, model.image_width, model.image_hidden)
        self.widths = [self.characters.width, self.words.width, self.image.width]
        self.dropout = Dropout(model.dropout)
        self.fusion = BiLSTM(sum(self.widths), model.hidden)
        self.decoder = CRFDecoder(decoded or model.hidden, inputs.tags, model.constrained)

    def encode(self, batch: Batch) -> Tensor:
        """What the CRF reads: layer 31 (B, T, hidden)."""
        encoded: Tensor = self.dropout(self.fuse(batch))
        return encoded

    def fuse(self, batch: Batch) -> Tensor:
        """Layers 1 to 31: (B, T, hidden)."""
        fused: Tensor = self.fusion(torch.cat(self.modalities(batch), 2), batch.mask)
        return fused

    def modalities(self, batch: Batch) -> list[Tensor]:
        """Layers 1 to 27, characters, words and image: (B, T, width) for each of `widths`."""
        spelled = of_each_word(
            self.characters(batch.chars), batch.spelling
        )  # (B, T, characters.width)
        words = self.words(
            batch.words, batch.chars, batch.spelling, batch.mask, batch.context
        )  # (B, T, hidden)
        seen = (
            self.image(batch.features[IMAGE_WORDS.cache]) * batch.has_image[:, None]
        )  # (B, width)
        seen = seen[:, None].expand(-1, words.shape[1], -1)  # (B, T, width)
        return [self.dropout(spelled), words, seen]
