"""The recurrent decoder: a caption word by word, with attention over an image's regions.

Alfaqeeh 2024 (TriMod), section IV-B, names a pretrained ResNet50 that is kept as it is and a
recurrent decoder trained to predict the next word, and prints no more. Read here as the soft
attention of Xu et al. 2015, "Show, Attend and Tell": an LSTM whose first state comes from the mean
region, whose input is the last word beside what was attended to, and from whose state and context
the next word is told. Regions are projected to `width` first.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pipeline.captions.beam import State
from pipeline.captions.vocabulary import PAD, START, UNSAID
from pipeline.layers.attention import InteractiveAttention
from pipeline.layers.dropout import Dropout
from pipeline.params.captioner import DecoderSizes


class Decoder(nn.Module):
    """Regions of images to captions.

    Args:
        sizes: the block.
        regions: the width of a region as it is cached.
        words: the size of the vocabulary.
    """

    def __init__(self, sizes: DecoderSizes, regions: int, words: int) -> None:
        super().__init__()
        self.project = nn.Linear(regions, sizes.width)
        self.lookup = nn.Embedding(words, sizes.word_width, padding_idx=PAD)
        self.attention = InteractiveAttention(sizes.width, sizes.hidden, sizes.attention_width)
        self.cell = nn.LSTMCell(sizes.word_width + sizes.width, sizes.hidden)
        self.first = nn.Linear(sizes.width, 2 * sizes.hidden)
        self.tell = nn.Linear(sizes.hidden + sizes.width, words)
        self.dropout = Dropout(sizes.dropout)

    def look(self, grid: Tensor) -> tuple[Tensor, Tensor]:
        """Cached regions (B, N, regions) to keys (B, N, width), and these read for attention."""
        keys: Tensor = self.dropout(self.project(grid).relu())
        return keys, self.attention.read(keys)

    def begin(self, keys: Tensor) -> State:
        """The state before the first word: hidden and cell, (B, 1, hidden) each."""
        return self.first(keys.mean(1, keepdim=True)).tanh().chunk(2, 2)  # type: ignore[no-any-return]

    def step(self, seen: tuple[Tensor, Tensor], last: Tensor, state: State) -> tuple[Tensor, State]:
        """One word more for K captions of each image.

        Args:
            seen: the result of `look` for B images.
            last: the words before, (B, K).
            state: hidden and cell (B, K, hidden) each.

        Returns:
            Logits (B, K, words) and the next state.
        """
        keys, read = seen
        hidden, cell = state
        context, _ = self.attention.attend(keys, read, hidden, None)  # (B, K, width)
        given = torch.cat([self.dropout(self.lookup(last)), context], 2)  # (B, K, inputs)
        flat = self.cell(given.flatten(0, 1), (hidden.flatten(0, 1), cell.flatten(0, 1)))
        hidden, cell = (part.view(*last.shape, -1) for part in flat)  # (B, K, hidden) each
        logits = self.tell(self.dropout(torch.cat([hidden, context], 2)))  # (B, K, words)
        return logits, (hidden, cell)

    def log_step(
        self, seen: tuple[Tensor, Tensor], last: Tensor, state: State
    ) -> tuple[Tensor, State]:
        """As `step`, but with log probabilities; no special word but the end is ever said."""
        logits, state = self.step(seen, last, state)
        logits[:, :, UNSAID] = float("-inf")
        return logits.log_softmax(2), state

    def loss(self, grid: Tensor, captions: Tensor) -> Tensor:
        """Teacher forcing: the mean cross-entropy of each next word.

        Args:
            grid: cached regions (B, N, regions).
            captions: words and the end (B, W), zero-padded.
        """
        seen = self.look(grid)
        state = self.begin(seen[0])
        last = torch.full_like(captions[:, :1], START)  # (B, 1)
        told = []
        for words in captions.split(1, 1):
            logits, state = self.step(seen, last, state)
            told.append(logits)
            last = words
        scores = torch.cat(told, 1).flatten(0, 1)  # (B W, words)
        return nn.functional.cross_entropy(scores, captions.flatten(), ignore_index=PAD)
