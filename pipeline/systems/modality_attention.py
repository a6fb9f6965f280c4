"""Modality attention for NER in short posts (Moon, Neves and Carvalho, NAACL 2018).

Words, characters and the image, each through a transform layer to one width p; the modality
attention weighs them for each token; entity BiLSTM; CRF. A post without a usable image is attended
over the modalities that are there (equation 5), in the same batch as posts with one.

Every row of the paper's Table 1 is a setting of `model`:

| row | modalities | characters | fusion | segmentation |
|---|---|---|---|---|
| C, Bi-CharLSTM | [characters] | bilstm | either | 0 |
| W | [words] | either | either | 0 |
| W + C (Aguilar et al. 2017), `transform: none` | [words, characters] | cnn | concatenate | 1 |
| W + C (Ma and Hovy 2016), `transform: none` | [words, characters] | cnn | concatenate | 0 |
| W + C (Lample et al. 2016), `transform: none` | [words, characters] | bilstm | concatenate | 0 |
| W + C, modality attention | [words, characters] | bilstm | attention | 0 |
| W + C + V | [words, characters, image] | bilstm | concatenate | 0 |
| W + C + V, modality attention | [words, characters, image] | bilstm | attention | 0 |

Table 3 removes a share of the word vectors: `removed_vectors` of the block.

The paper's recall of segmentation lies below that of typed entities in two rows (C and W), which
the borders of the same predictions cannot do: its segmentation was predicted by itself. So can ours
be: `prepare.untyped` gives every entity one type.

What the paper leaves open:

- The transform layers σ_w, σ_c, σ_v are read as linear layers with an activation, the σ of its
  other equations unless `transform` says otherwise. They belong to the paper's own rows; the rows
  of Lample et al., Ma and Hovy, and Aguilar et al. concatenate what they read: `transform: none`.
- "Character embeddings dimension 150" is read as the width of the character BiLSTM's result (the
  section calls that the character embedding), with vectors of 25 for the characters themselves, as
  Lample et al. have them.
- An unknown word has "an all-zero vector" or "a random vector": `missing_vectors`. Both are trained
  further; whether the paper's were is not said.
- σ around the score of equation 4 bounds the weights: `ModalityAttention`; `score` chooses.
- A missing image is left out of the attention (equation 5). Concatenated it is zeros: not printed.
- The image network is "a modified version of Inception (GoogLeNet)" of 22 layers, which was not
  published; InceptionV3, of the second paper that is cited for it, stands in, its mean over the
  last maps being the final hidden layer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from pydantic import Field, field_validator, model_validator
from torch import Tensor, nn

from pipeline.layers.attention import ModalityAttention
from pipeline.layers.characters import CharacterBiLSTM, CharacterCNN, of_each_word
from pipeline.layers.crf import CRFDecoder
from pipeline.layers.dropout import Dropout
from pipeline.layers.embedding import WordEmbedding
from pipeline.layers.recurrent import BiLSTM
from pipeline.layers.segmentation import Segmentation
from pipeline.layers.text import SpelledTextSizes
from pipeline.systems.system import (
    Batch,
    Inputs,
    Read,
    StoreOutput,
    System,
    SystemModel,
    SystemParams,
)

IMAGE = StoreOutput("tags", output="pooled", role="tags")

Modality = Literal["words", "characters", "image"]
ORDER: tuple[Modality, ...] = ("words", "characters", "image")
ACTIVATION = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu}


class Model(SystemModel, SpelledTextSizes):
    """The network's sizes, and the choices that the paper's Table 1 makes."""

    modalities: list[Modality]
    width: int = Field(ge=1)  # p, of x̄
    transform: Literal["sigmoid", "tanh", "relu", "none"]  # none: no transform layer
    fusion: Literal["attention", "concatenate"]
    score: Literal["sigmoid", "linear"]  # of equation 4; as printed, or without its σ
    missing_vectors: Literal["random", "zeros"]  # how words start that have no pretrained vector
    characters: Literal["bilstm", "cnn"]
    char_hidden: int = Field(ge=2, multiple_of=2)  # size of the character BiLSTM, both directions
    cell: Literal["standard", "coupled"]  # the entity BiLSTM's; coupled is equation 1
    segmentation: float = Field(ge=0)  # weight of the second task's loss

    @field_validator("modalities")
    @classmethod
    def _tokens_differ(cls, given: list[Modality]) -> list[Modality]:
        if len(set(given)) < len(given):
            raise ValueError("a modality stands here twice")
        if not {"words", "characters"} & set(given):
            raise ValueError("without words or characters no token differs from another")
        return given

    @model_validator(mode="after")
    def _attention_has_one_width(self) -> Model:
        if self.transform == "none" and self.fusion == "attention" and len(self.modalities) > 1:
            raise ValueError(
                "fusion: attention adds the modalities up, so they need transform layers to one"
                " width: transform cannot be none"
            )
        return self


class ModalityAttentionNER(System):
    """The whole network."""

    class Params(SystemParams):
        """The block `systems.modality_attention`."""

        model: Model

    reads = (IMAGE,)

    def __init__(self, params: Params, inputs: Inputs) -> None:
        super().__init__(params, inputs)
        model = params.model
        self.modalities = [name for name in ORDER if name in model.modalities]
        self.words: WordEmbedding | None = None
        self.characters: CharacterBiLSTM | CharacterCNN | None = None
        widths = {}
        if "words" in self.modalities:
            self.words = WordEmbedding(
                inputs.table,
                inputs.found,
                model.unknown_rate,
                model.missing_vectors,
                inputs.context(params.context),
            )
            widths["words"] = self.words.width
        if "characters" in self.modalities:
            self.characters = _characters(model, inputs.characters)
            widths["characters"] = self.characters.width
        if "image" in self.modalities:
            widths["image"] = inputs.shapes[IMAGE.cache][-1]
        self.transforms: nn.ModuleDict | None = None
        if model.transform != "none":
            self.activation = ACTIVATION[model.transform]
            self.transforms = nn.ModuleDict(
                {name: nn.Linear(width, model.width) for name, width in widths.items()}
            )
            widths = dict.fromkeys(widths, model.width)
        self.attention: ModalityAttention | None = None
        entering = sum(widths.values())
        if model.fusion == "attention" and len(self.modalities) > 1:
            self.attention = ModalityAttention(len(self.modalities), model.width, model.score)
            entering = model.width
        self.dropout = Dropout(model.dropout)
        self.bilstm = BiLSTM(entering, model.hidden, model.cell)
        self.decoder = CRFDecoder(model.hidden, inputs.tags, model.constrained)
        self.segmentation = Segmentation(model.hidden, inputs.tags) if model.segmentation else None
        self.segmentation_weight = model.segmentation

    @classmethod
    def used(cls, params: SystemParams) -> tuple[Read, ...]:
        """The image's features, if it is one of the modalities."""
        assert isinstance(params, cls.Params)
        return cls.reads if "image" in params.model.modalities else ()

    def encode(self, batch: Batch) -> Tensor:
        """The entity BiLSTM's output (B, T, hidden)."""
        fused, _ = self._fuse(batch)
        encoded: Tensor = self.dropout(self.bilstm(fused, batch.mask))
        return encoded

    def loss(self, batch: Batch) -> Tensor:
        """The loss of the CRF, plus the weighted loss of the segmentation if there is one."""
        encoded = self.encode(batch)
        loss = self.decoder.loss(encoded, batch.tags, batch.mask)
        if self.segmentation is not None:
            second = self.segmentation.loss(encoded, batch.tags, batch.mask)
            loss = loss + self.segmentation_weight * second
        return loss

    def explain(self, batch: Batch) -> Mapping[str, Tensor]:
        """`modality_weights`: α of words, characters and image, as far as `model` has them."""
        _, weights = self._fuse(batch)
        if weights is None:
            return {}
        absent = ~self._there(batch)[:, None]  # (B, 1, M)
        return {"modality_weights": weights.masked_fill(absent, torch.nan)}

    def looked_at(self) -> Mapping[str, Sequence[str]]:
        """The modalities by name."""
        return {"modality_weights": self.modalities}

    def _fuse(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        """The input of the BiLSTM (B, T, d), and the weights (B, T, M) if there is attention."""
        read = self._read(batch)
        if self.transforms is not None:
            read = {name: self.activation(self.transforms[name](x)) for name, x in read.items()}
        steps = batch.words.shape[1]
        read = {name: x.expand(-1, steps, -1) for name, x in read.items()}  # the image's is one
        there = self._there(batch)  # (B, M)
        if self.attention is not None:
            return self.attention(torch.stack(list(read.values()), 2), there)  # type: ignore[no-any-return]
        given = [x * there[:, place, None, None] for place, x in enumerate(read.values())]
        return torch.cat(given, 2), None

    def _read(self, batch: Batch) -> dict[str, Tensor]:
        """Each modality as its transform layer reads it (B, T or 1, its width), in `ORDER`."""
        read = {}
        if self.words is not None:
            read["words"] = self.words(batch.words, batch.context)
        if self.characters is not None:
            read["characters"] = of_each_word(self.characters(batch.chars), batch.spelling)
        if "image" in self.modalities:
            read["image"] = batch.features[IMAGE.cache][:, None]  # (B, 1, width)
        return {name: self.dropout(vectors) for name, vectors in read.items()}

    def _there(self, batch: Batch) -> Tensor:
        """Which modalities each post has: (B, M) bool."""
        text = torch.ones_like(batch.has_image)  # (B,)
        columns = [batch.has_image if name == "image" else text for name in self.modalities]
        return torch.stack(columns, 1)


def _characters(model: Model, characters: int) -> CharacterBiLSTM | CharacterCNN:
    if model.characters == "bilstm":
        return CharacterBiLSTM(characters, model.char_width, model.char_hidden)
    return CharacterCNN(
        characters,
        model.char_width,
        model.char_filters,
        model.char_windows,
        model.char_padding,
        model.char_length,
    )
