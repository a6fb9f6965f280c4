"""TriMod: text, a caption of the picture, and the words of the hashtags (Alfaqeeh 2024).

Words and their characters through a character BiGRU and a word BiGRU (equations 1 to 7); the
caption and the hashtags' words, each through a BiGRU of its own; the three fused for each token
(equations 11 and 12); CRF (equations 13 to 16). A modality that a post lacks has no part in the
fusion.

Where the paper is open, or contradicts itself:

- Fusion is called "transformer attention" and printed as an additive one. As printed by default;
  `fusion: scaled_dot` is a transformer's, in which the token's text asks.
- Equation 11 maps f_i to f'_i "to reshape the dimension", yet equation 12 adds up the f_i
  themselves: they have one width already, that of the word BiGRU.
- Captions are called visual features, and nothing says how they or the hashtags' words become one
  vector: read as phrases whose words are represented as those of the text (equation 4), and by
  the last states of a BiGRU, as words are by their characters (equation 3).
- The introduction speaks of "object-level visual features", the method has none but the caption.
- Word vectors are "pre-trained 200-dimensional Word2Vec" in section IV, and the comparison speaks
  of language models: any sources of vectors serve, those of the block's `vectors`.
- "Hidden dimension" 30 and 150 of BiGRUs: equation 3 calls the concatenation of both directions a
  vector of R^{d_c}, with d_c "the hidden state dimension of the Bi-GRU", so that `char_hidden` and
  `hidden`, of both directions together, are 30 and 150. The other reading counts each direction,
  as PyTorch does: 60 and 300.
- u of equation 11 is printed as d x 1, but multiplies f'_i, which has m numbers: so m = d, and
  `fusion_width` is `hidden`.
- What comes out of the exp of equation 11 "is then passed through a 1-dimensional fully connected
  layer", which no equation has; and the conclusion speaks of multi-head attention: both left out.
- Captions or hashtags can be left out (`modalities`); the paper has no such row.
- A decay of 0.05 is read as the rate lr / (1 + 0.05 epoch), as Ma and Hovy 2016 have it.
- Dropout of 0.55 is on "word and character embeddings": `dropout`. Ours is `output_dropout`,
  behind the BiGRUs; 0 as printed.
- Equation 13 sums transitions to n + 1: with those from a start and to an end, as the CRF has them.
- Gradients are accumulated over "k-steps" = 9, but k is also "the number of selected objects",
  of which there are none: it is `training.accumulate`. Nine batches are averaged; summed, as
  PyTorch's backward does if nothing divides, the rate would be nine times as high.
- The network for hashtags is in `pipeline.text.hashtags`; segmenter=published is as printed.
- Regularisers (Table IV), each there alone: `dropout`, `l1`, `training.weight_decay` (L2) and
  `batch_norm`; its four figures "without" differ by 0.02, as those of no regulariser. Neither the
  strengths of L1 and L2 nor where batch normalisation stands are printed. L1 is of the weight
  matrices but the words' vectors, batch normalisation behind the fusion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn

from pipeline.layers.characters import CharacterBiGRU, of_each_word
from pipeline.layers.crf import CRFDecoder
from pipeline.layers.dropout import Dropout
from pipeline.layers.embedding import WordEmbedding
from pipeline.layers.fusion import AdditiveFusion, ScaledDotFusion
from pipeline.layers.recurrent import BiGRU
from pipeline.layers.regularizers import TokenBatchNorm, l1_norm
from pipeline.systems.system import (
    Batch,
    Inputs,
    PhraseWords,
    Read,
    System,
    SystemModel,
    SystemParams,
)

FUSIONS: dict[str, type[AdditiveFusion | ScaledDotFusion]] = {
    "additive": AdditiveFusion,
    "scaled_dot": ScaledDotFusion,
}


class Model(SystemModel):
    """The network's sizes, its fusion and its regularisers."""

    modalities: list[Literal["text", "captions", "hashtags"]]
    char_width: int = Field(ge=1)
    char_hidden: int = Field(ge=2, multiple_of=2)  # size of the character BiGRU, both directions
    hidden: int = Field(ge=2, multiple_of=2)  # size of the BiGRUs over words and phrases
    fusion: Literal["additive", "scaled_dot"]
    fusion_width: int = Field(ge=1)  # m of equation 11
    dropout: float = Field(ge=0, lt=1)
    output_dropout: float = Field(ge=0, lt=1)
    unknown_rate: float = Field(ge=0, lt=1)  # share of words that training sees as unknown
    l1: float = Field(ge=0)
    batch_norm: bool

    @field_validator("modalities")
    @classmethod
    def _text_is_there_once(cls, given: list[str]) -> list[str]:
        if len(set(given)) < len(given):
            raise ValueError("a modality stands here twice")
        if "text" not in given:
            raise ValueError("text is missing: the tokens that are tagged are its")
        return given


class TriMod(System):
    """The whole network."""

    class Params(SystemParams):
        """The block `systems.trimod`."""

        model: Model

    reads = (PhraseWords("captions", role="caption"), PhraseWords("hashtags"))

    def __init__(self, params: Params, inputs: Inputs) -> None:
        super().__init__(params, inputs)
        model = params.model
        context = inputs.context(params.context)
        self.words = WordEmbedding(inputs.table, inputs.found, model.unknown_rate, context=context)
        self.characters = CharacterBiGRU(inputs.characters, model.char_width, model.char_hidden)
        token = self.words.width + self.characters.width
        self.text = BiGRU(token, model.hidden)
        self.phrases = nn.ModuleDict(
            {
                read.cache: BiGRU(token, model.hidden)
                for read in self.reads
                if read.cache in model.modalities
            }
        )
        self.fusion: AdditiveFusion | ScaledDotFusion | None = None
        if len(self.phrases):
            self.fusion = FUSIONS[model.fusion](model.hidden, model.fusion_width)
        self.norm = TokenBatchNorm(model.hidden) if model.batch_norm else None
        self.dropout = Dropout(model.dropout)
        self.output_dropout = Dropout(model.output_dropout)
        self.decoder = CRFDecoder(model.hidden, inputs.tags, model.constrained)
        self.l1 = model.l1

    @classmethod
    def used(cls, params: SystemParams) -> tuple[Read, ...]:
        """Captions and hashtags, as far as they are among the modalities."""
        assert isinstance(params, cls.Params)
        given: list[str] = list(params.model.modalities)
        return tuple(read for read in cls.reads if read.cache in given)

    def encode(self, batch: Batch) -> Tensor:
        """The fused vector f_s of each token (B, T, hidden)."""
        fused, _ = self._fuse(batch)
        if self.norm is not None:
            fused = self.norm(fused, batch.mask)
        encoded: Tensor = self.output_dropout(fused)
        return encoded

    def loss(self, batch: Batch) -> Tensor:
        """The loss of the CRF (equation 15) plus the weighted L1 norm of the weights."""
        loss = super().loss(batch)
        if self.l1:
            parts = (part for name, part in self.named_children() if name != "words")
            loss = loss + self.l1 * torch.stack([l1_norm(p) for p in parts if _weighty(p)]).sum()
        return loss

    def explain(self, batch: Batch) -> Mapping[str, Tensor]:
        """`modality_weights`: γ / Σ γ of text, captions and hashtags; 0 for what a post lacks.

        There is one for each of `modalities`, in this order.
        """
        return {"modality_weights": self._fuse(batch)[1]}

    def looked_at(self) -> Mapping[str, Sequence[str]]:
        """The modalities by name."""
        return {"modality_weights": ["text", *self.phrases]}

    def _fuse(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Equations 1 to 12: f_s (B, T, hidden) and the weights (B, T, modalities)."""
        spelled = self.characters(batch.chars)  # (U, char_hidden)
        steps = self._represent(
            self.words(batch.words, batch.context), of_each_word(spelled, batch.spelling)
        )  # (B, T, token)
        features = [self.output_dropout(self.text(steps, batch.mask))]  # (B, T, hidden)
        for cache, bigru in self.phrases.items():
            assert isinstance(bigru, BiGRU)
            phrase = batch.phrases[cache]
            steps = self._represent(
                self.words(phrase.words), of_each_word(spelled, phrase.spelling)
            )  # (B, K, token)
            read = self.output_dropout(bigru.ends(steps, phrase.mask))  # (B, hidden)
            features.append(read[:, None].expand_as(features[0]))
        there = self._there(batch)
        if self.fusion is None:
            return features[0], there[:, None].expand(-1, batch.mask.shape[1], -1).float()
        fused, weights = self.fusion(torch.stack(features, 2), there)
        return fused, weights

    def _represent(self, words: Tensor, spelled: Tensor) -> Tensor:
        """Equation 4, with dropout: [word; characters], (B, T, token)."""
        represented: Tensor = self.dropout(torch.cat([words, spelled], 2))
        return represented

    def _there(self, batch: Batch) -> Tensor:
        """Which modalities each post has: (B, modalities) bool; every post has text."""
        phrases = [batch.phrases[cache].mask.any(1) for cache in self.phrases]
        return torch.stack([batch.mask[:, 0], *phrases], 1)  # every post has a first token


def _weighty(module: nn.Module) -> bool:
    return any(weight.dim() > 1 for weight in module.parameters())
