"""The network that decides, after each character of a hashtag, whether a word ends there.

Alfaqeeh 2024 (TriMod), sections IV-C and IV-D: characters embedded by skip-gram (equation 9), a
CNN and a BiLSTM over them, and a decoder P(s_i | h, c_i) that reads the encoding and the
character's vector (equation 10), trained by cross-entropy.

The paper leaves open:

- Every size, and whether the CNN stands before the BiLSTM. It does here: the filters see letters,
  and the BiLSTM sees what the filters found.
- What a character is. Capitals and accents share the vector of the plain small letter here.
- The decoder. Here it is one linear layer, and a border stands where its probability is 0.5 or
  more, decided for each character alone.

Ours, and not in the paper: the network reads two things beside a character's vector. One is a
vector for the character's shape (small, capital, digit). The other, with `counts`, is the
probability that English word counts alone give to a border after the character. A network that
reads characters only must learn words by heart from some millions of phrases; with the counts, it
only learns where these go wrong (names, case, slang). `shape_width: 0` and `counts: false` give
the network as printed (conf/segmenter/published.yaml).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.layers.characters import PAD, character_vectors
from pipeline.layers.dropout import Dropout
from pipeline.layers.recurrent import BiLSTM
from pipeline.params.segmenter import BorderSizes
from pipeline.text.hashtags.segmenter import folded
from pipeline.text.hashtags.word_counts import WordCounts

CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789"  # ids from 1
SHAPES = 4  # padding, small, capital, digit
SURE = 12.0  # the log odds of the counts are cut at this


@dataclass(frozen=True)
class Run:
    """One run of L Latin letters and digits, as the network reads it."""

    characters: np.ndarray  # (L,) int64, from 1
    shapes: np.ndarray  # (L,) int64, from 1
    counted: np.ndarray  # (L,) float32: the probability of a border by the counts alone

    @classmethod
    def of(cls, run: str, counts: WordCounts | None) -> Run:
        """Encode a run; without `counts`, `counted` holds zeros, which nobody reads."""
        plain = folded(run)
        counted = np.zeros(len(run), np.float32) if counts is None else counts.borders(plain)
        ids = [CHARACTERS.index(character) + 1 for character in plain]
        return cls(np.array(ids), np.array([_shape(character) for character in run]), counted)


@dataclass(frozen=True)
class Runs:
    """A zero-padded batch of B runs of at most L characters."""

    characters: Tensor  # (B, L) long; 0 is padding
    shapes: Tensor  # (B, L) long
    counted: Tensor  # (B, L) float

    @classmethod
    def of(cls, runs: Sequence[Run], device: torch.device) -> Runs:
        """Runs as one batch."""
        columns = ([getattr(run, field.name) for run in runs] for field in fields(cls))
        return cls(*(padded(column).to(device) for column in columns))


def padded(rows: Sequence[np.ndarray]) -> Tensor:
    """Rows (L_i,) as one zero-padded tensor (rows, longest)."""
    return nn.utils.rnn.pad_sequence([torch.from_numpy(row) for row in rows], batch_first=True)


def _shape(character: str) -> int:
    if character.isdecimal():
        return 3
    return 2 if character.isupper() else 1


class BorderNetwork(nn.Module):
    """Maps runs to the logit of a border after each of their characters."""

    def __init__(self, sizes: BorderSizes) -> None:
        super().__init__()
        self.characters = character_vectors(len(CHARACTERS) + 1, sizes.char_width)
        self.shapes = (
            nn.Embedding(SHAPES, sizes.shape_width, padding_idx=PAD) if sizes.shape_width else None
        )
        self.counts = sizes.counts
        width = sizes.char_width + sizes.shape_width + 2 * sizes.counts
        self.convolutions = nn.ModuleList(
            nn.Conv1d(width, sizes.filters, window, padding=window // 2) for window in sizes.windows
        )
        self.bilstm = BiLSTM(sizes.filters * len(sizes.windows), sizes.hidden)
        self.decoder = nn.Linear(sizes.hidden + width, 1)
        self.dropout = Dropout(sizes.dropout)

    def forward(self, runs: Runs) -> Tensor:
        """Logits (B, L)."""
        mask = runs.characters != PAD  # (B, L)
        parts = [self.characters(runs.characters)]
        if self.shapes is not None:
            parts.append(self.shapes(runs.shapes))
        if self.counts:
            odds = runs.counted.logit(1e-6).clamp(-SURE, SURE) / SURE  # (B, L)
            parts += [runs.counted[:, :, None], odds[:, :, None]]
        vectors = torch.cat(parts, 2) * mask[:, :, None]  # (B, L, width)
        channels = vectors.transpose(1, 2)  # (B, width, L)
        seen = torch.cat([layer(channels).relu() for layer in self.convolutions], 1)
        encoded = self.bilstm(self.dropout(seen.transpose(1, 2)), mask)  # (B, L, hidden)
        logits: Tensor = self.decoder(self.dropout(torch.cat([encoded, vectors], 2)))
        return logits.squeeze(2)

    def loss(self, runs: Runs, borders: Tensor) -> Tensor:
        """The mean cross-entropy of the decisions; borders (B, L) float, 1 where a word ends.

        Nothing is decided after a run's last character.
        """
        open_ = undecided(runs.characters)  # (B, L)
        logits = self(runs)[open_]
        return nn.functional.binary_cross_entropy_with_logits(logits, borders[open_])


def undecided(characters: Tensor) -> Tensor:
    """Which characters (B, L) are followed by another one in their run: (B, L) bool."""
    inner = torch.zeros_like(characters, dtype=torch.bool)
    inner[:, :-1] = characters[:, 1:] != PAD
    return inner
