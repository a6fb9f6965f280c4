"""NER with image attributes and image knowledge (Chen et al. 2021).

The words of a post attend, feature by feature, to the words of the post, to those of the image's
knowledge and to the image's attributes, guided by the regions of the image (`GuidedAttention`,
equations 3 to 12). A gate lets in what they find (13, 14), and a CRF reads it. Every word, of the
tweet, the knowledge or the attributes, is its own vector beside the vector of its characters.

| row of the paper | setting of `model` |
|---|---|
| Our Model, With image | as it is |
| Without image | `image: false` |
| without attributes, without knowledge (named, but not in its tables) | `attributes: false`, ... |

A post without a usable image, without attributes or without knowledge goes through the same network
without them, in the same batch.

What the paper leaves open:

- σ of 3 and 7 is "an activation function"; it is read as the ELU of Shen et al. 2018, whose
  multi-dimensional attention equation 3 is: `activation`.
- The filter of the character CNN is printed as 1 x 3: `char_filter: row` is one filter of that
  height; `full` reaches over all rows, with one filter for each number of the result, as is usual.
- The "two-layer fully connected network" makes the attributes' vectors or the weights of their
  average: `attribute_weights`, see `pipeline.layers.attributes`.
- Which words of a triple are appended: `knowledge.subject_words` and `knowledge.relation_words`. In
  the paper's example all three parts are.
- Dropout is 0.5, its place not printed. Here it is on every word's vector as it enters and behind
  the gate and the BiLSTM.
- Epochs, and whether word vectors are trained further; they are.

As printed, only the CRF knows the order of the words. Three settings are ours: `recurrent` puts a
BiLSTM before the CRF; `inner` narrows the vectors inside σ, and with `region_scores: product` a
scaled product scores a region for all features. These two decide how long a step takes.

`explain` gives means over features: the weights over the post's words (`word_weights`), over the
words of its knowledge (`knowledge_weights`), over its attributes (`attribute_weights`) and over the
regions (`region_weights`), and how far the gate let the context in (`context_gate`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from pipeline.layers.attributes import AttributeAttention, AttributeAverage
from pipeline.layers.characters import CharacterCNN, CharacterCNN2D, of_each_word
from pipeline.layers.crf import CRFDecoder
from pipeline.layers.dropout import Dropout
from pipeline.layers.embedding import WordEmbedding
from pipeline.layers.gates import FeatureGate
from pipeline.layers.guided_attention import GuidedAttention, RegionScores
from pipeline.layers.guided_context import Activation
from pipeline.layers.recurrent import BiLSTM
from pipeline.layers.text import TextSizes
from pipeline.systems.system import (
    Batch,
    Inputs,
    PhraseWords,
    Read,
    StoreOutput,
    System,
    SystemModel,
    SystemParams,
)

REGIONS = StoreOutput("regions", output="grid", role="regions")
ATTRIBUTES = PhraseWords("attributes", role="tags")
KNOWLEDGE = PhraseWords("knowledge", role="tags")

WINDOW = 3  # characters that a filter of the character CNN sees


class Model(SystemModel, TextSizes):
    """The network's sizes and inputs; `hidden` is the size of the BiLSTM that `recurrent` adds."""

    image: bool
    attributes: bool
    attribute_weights: Literal["probabilities", "network"]  # of the attributes' average
    knowledge: bool
    char_width: int = Field(ge=1)
    char_filter: Literal["row", "full"]
    activation: Activation  # σ of equations 3 and 7
    inner: int | None = Field(ge=1)  # width inside σ; null: that of a word, as printed
    region_scores: RegionScores  # of equation 7: one for each feature, as printed, or a product
    recurrent: bool  # whether a BiLSTM stands before the CRF


class AttributesKnowledge(System):
    """The whole network."""

    class Params(SystemParams):
        """The block `systems.attributes_knowledge`."""

        model: Model

    reads = (REGIONS, ATTRIBUTES, KNOWLEDGE)

    def __init__(self, params: Params, inputs: Inputs) -> None:
        super().__init__(params, inputs)
        model = params.model
        context = inputs.context(params.context)
        self.words = WordEmbedding(inputs.table, inputs.found, model.unknown_rate, context=context)
        self.characters: CharacterCNN | CharacterCNN2D
        if model.char_filter == "row":
            self.characters = CharacterCNN2D(inputs.characters, model.char_width, WINDOW)
        else:
            width = model.char_width
            self.characters = CharacterCNN(
                inputs.characters, width, width, [WINDOW], "borders", None
            )
        width = self.words.width + self.characters.width  # d_e
        average = {"probabilities": AttributeAverage, "network": AttributeAttention}
        self.attributes = average[model.attribute_weights](width) if model.attributes else None
        self.knowledge = model.knowledge
        self.image = model.image
        regions = inputs.shapes[REGIONS.cache][-1] if model.image else None
        self.attention = GuidedAttention(
            width, regions, model.inner, model.activation, model.region_scores
        )
        self.fusion = FeatureGate(width)  # equations 13 and 14
        self.dropout = Dropout(model.dropout)
        self.bilstm = BiLSTM(width, model.hidden) if model.recurrent else None
        read = model.hidden if model.recurrent else width
        self.decoder = CRFDecoder(read, inputs.tags, model.constrained)

    @classmethod
    def used(cls, params: SystemParams) -> tuple[Read, ...]:
        """Regions, attributes and knowledge, as far as `model` has them."""
        assert isinstance(params, cls.Params)
        model = params.model
        there = {REGIONS: model.image, ATTRIBUTES: model.attributes, KNOWLEDGE: model.knowledge}
        return tuple(read for read in cls.reads if there[read])

    def encode(self, batch: Batch) -> Tensor:
        """O (B, T, d_e), or the BiLSTM's output (B, T, hidden)."""
        words, there = self._read(batch)
        context = self.attention(*self._attended(batch, words, there))
        given = words[:, : batch.words.shape[1]]  # x (B, T, d_e)
        encoded: Tensor = self.dropout(self.fusion(context, given)[0])
        if self.bilstm is not None:
            encoded = self.dropout(self.bilstm(encoded, batch.mask))
        return encoded

    def explain(self, batch: Batch) -> Mapping[str, Tensor]:
        """The weights and the gate of the modalities that the setting has, (B, T, k) each."""
        words, there = self._read(batch)
        attended = self._attended(batch, words, there)
        over_words, over_regions = self.attention.weights(*attended)
        steps = batch.words.shape[1]
        _, gate = self.fusion(self.attention(*attended), words[:, :steps])  # (B, T, d_e)
        looked = {"word_weights": over_words[:, :, :steps], "context_gate": gate.mean(2, True)}
        behind = over_words[:, :, steps:]  # the knowledge's, then the one of the attributes
        if self.attributes is not None:
            looked["attribute_weights"], behind = behind[:, :, -1:], behind[:, :, :-1]
        if self.knowledge:
            looked["knowledge_weights"] = behind
        return looked if over_regions is None else looked | {"region_weights": over_regions}

    def _read(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Text, knowledge and attributes side by side (B, n, d_e), and which are there (B, n)."""
        spelled = self.characters(batch.chars)  # (U, characters.width)

        def read(words: Tensor, spelling: Tensor, context: Tensor | None = None) -> Tensor:
            known = self.words(words, context)
            both = torch.cat([known, of_each_word(spelled, spelling)], 2)
            vectors: Tensor = self.dropout(both)
            return vectors

        parts, there = [read(batch.words, batch.spelling, batch.context)], [batch.mask]
        if self.knowledge:
            phrase = batch.phrases[KNOWLEDGE.cache]
            parts.append(read(phrase.words, phrase.spelling))  # (B, K, d_e)
            there.append(phrase.mask)
        if self.attributes is not None:
            phrase = batch.phrases[ATTRIBUTES.cache]
            average = self.attributes(read(phrase.words, phrase.spelling), phrase.weights)
            parts.append(average[:, None])  # (B, 1, d_e)
            there.append(phrase.mask.any(1, keepdim=True))
        return torch.cat(parts, 1), torch.cat(there, 1)

    def _attended(
        self, batch: Batch, words: Tensor, there: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor | None, Tensor]:
        """The arguments of the attention."""
        regions = batch.features[REGIONS.cache] if self.image else None
        given = words[:, : batch.words.shape[1]]
        return given, batch.mask, words, there, regions, batch.has_image
