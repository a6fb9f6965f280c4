"""The text side that the family shares: words and their spellings through a BiLSTM."""

from __future__ import annotations

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from pipeline.layers.characters import CharacterCNN, Padding, of_each_word
from pipeline.layers.context import ContextMix
from pipeline.layers.dropout import Dropout
from pipeline.layers.embedding import WordEmbedding
from pipeline.layers.recurrent import BiLSTM
from pipeline.params.block import Block


class TextSizes(Block):
    """The sizes of a text encoder over words alone."""

    hidden: int = Field(ge=2, multiple_of=2)  # size of the BiLSTM's output, both directions
    dropout: float = Field(ge=0, lt=1)  # before and after the BiLSTM
    unknown_rate: float = Field(ge=0, lt=1)  # share of words that training sees as unknown


class SpelledTextSizes(TextSizes):
    """The sizes of a text encoder over words and a character CNN."""

    char_width: int = Field(ge=1)
    char_filters: int = Field(ge=1)  # number of filters of each window
    char_windows: list[int] = Field(min_length=1)
    char_padding: Padding
    char_length: int | None = Field(ge=1)  # to which words are cut; null: they are not

    @model_validator(mode="after")
    def _padding_has_a_length(self) -> SpelledTextSizes:
        if self.char_padding == "right" and self.char_length is None:
            raise ValueError("char_padding: right pads words to char_length, which is null")
        if self.char_length is not None and self.char_length < max(self.char_windows):
            raise ValueError(
                f"char_length {self.char_length} is below the window {max(self.char_windows)}"
            )
        return self


class TextEncoder(nn.Module):
    """[word vector, contextual or not; character vector] -> dropout -> BiLSTM -> dropout.

    Args:
        words: ids (B, T) to vectors (B, T, words.width).
        characters: spellings (U, L) to vectors (U, characters.width); None to read words alone.
        sizes: the size of the BiLSTM, and the dropout around it.
    """

    def __init__(
        self, words: WordEmbedding, characters: CharacterCNN | None, sizes: TextSizes
    ) -> None:
        super().__init__()
        self.words = words
        self.characters = characters
        self.dropout = Dropout(sizes.dropout)
        inputs = words.width + (characters.width if characters is not None else 0)
        self.bilstm = BiLSTM(inputs, sizes.hidden)
        self.width = sizes.hidden

    def forward(
        self,
        words: Tensor,
        chars: Tensor,
        spelling: Tensor,
        mask: Tensor,
        context: Tensor | None = None,
    ) -> Tensor:
        """Words (B, T), whose spellings are rows (B, T) of chars (U, L), to (B, T, hidden).

        `context` is what `WordEmbedding` takes beside the words.
        """
        read = self.words(words, context)  # (B, T, words.width)
        if self.characters is not None:
            spelled = of_each_word(self.characters(chars), spelling)  # (B, T, characters.width)
            read = torch.cat([read, spelled], 2)
        encoded: Tensor = self.dropout(self.bilstm(self.dropout(read), mask))
        return encoded


def word_encoder(
    sizes: TextSizes, table: Tensor, found: Tensor, context: ContextMix | None = None
) -> TextEncoder:
    """A text encoder over words alone; all but `sizes` as `WordEmbedding` takes it."""
    words = WordEmbedding(table, found, sizes.unknown_rate, context=context)
    return TextEncoder(words, None, sizes)


def spelled_word_encoder(
    sizes: SpelledTextSizes,
    table: Tensor,
    found: Tensor,
    characters: int,
    context: ContextMix | None = None,
) -> TextEncoder:
    """A text encoder over words and a character CNN; `characters` is the vocabulary's size."""
    words = WordEmbedding(table, found, sizes.unknown_rate, context=context)
    spelled = CharacterCNN(
        characters,
        sizes.char_width,
        sizes.char_filters,
        sizes.char_windows,
        sizes.char_padding,
        sizes.char_length,
    )
    return TextEncoder(words, spelled, sizes)
