"""What the literal forms have in common: words, characters and recurrent layers, plainly.

Each piece is built from a layer of ours and holds the same weights, so that the two forms can be
compared number by number. Posts have one length, T, and words are padded to one, L.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from pipeline.layers.characters import (
    PAD,
    CharacterCNN,
    CharacterCNN2D,
    CharacterEnds,
)
from pipeline.layers.cwi_characters import CWICharacters
from pipeline.layers.embedding import WordEmbedding
from pipeline.layers.recurrent import Bidirectional, CoupledLSTM
from pipeline.layers.text import TextEncoder


class WordVectors(nn.Module):
    """[word vector; character vector] of each word, as most of the papers read words.

    Args:
        words: ours.
        characters: ours; None to read words alone.
        dropout: of both.
    """

    def __init__(
        self, words: WordEmbedding, characters: nn.Module | None, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.words = words.lookup
        self.characters = None if characters is None else EveryWord(characters)
        self.dropout = nn.Dropout(dropout)

    def forward(self, words: Tensor, chars: Tensor) -> Tensor:
        """Words (B, T) with the characters (B, T, L) to (B, T, width)."""
        read = self.words(words)
        if self.characters is not None:
            read = torch.cat([read, self.characters(chars)], 2)
        dropped: Tensor = self.dropout(read)
        return dropped


class EveryWord(nn.Module):
    """A character encoder of ours over the characters of every word of a batch."""

    def __init__(self, ours: nn.Module) -> None:
        super().__init__()
        self.encoder: nn.Module
        if isinstance(ours, CharacterCNN):
            self.encoder = Convolutions(ours)
        elif isinstance(ours, CharacterCNN2D):
            self.encoder = Row(ours)
        elif isinstance(ours, CharacterEnds):
            self.encoder = Ends(ours)
        else:
            assert isinstance(ours, CWICharacters)
            self.encoder = Chain(ours)

    def forward(self, chars: Tensor) -> Tensor:
        """Characters (B, T, L) to vectors (B, T, width)."""
        vectors: Tensor = self.encoder(chars.flatten(0, 1)).view(*chars.shape[:2], -1)
        return vectors


class Convolutions(nn.Module):
    """tanh of each convolution over words that zeros pad to one length, then the maximum."""

    def __init__(self, ours: CharacterCNN) -> None:
        super().__init__()
        assert ours.right  # elsewhere padding has no part in the maximum
        self.lookup, self.convolutions, self.length = ours.lookup, ours.convolutions, ours.length

    def forward(self, chars: Tensor) -> Tensor:
        """Characters (W, L) to vectors (W, filters of all windows)."""
        assert chars.shape[1] == self.length
        read = self.lookup(chars).transpose(1, 2)  # (W, char_width, L)
        return torch.cat([layer(read).tanh().amax(2) for layer in self.convolutions], 1)


class Row(nn.Module):
    """One filter, a row high, along each row of a word's matrix; the maximum within the word."""

    def __init__(self, ours: CharacterCNN2D) -> None:
        super().__init__()
        self.lookup, self.convolution, self.window = ours.lookup, ours.convolution, ours.window

    def forward(self, chars: Tensor) -> Tensor:
        """Characters (W, L) to vectors (W, char_width)."""
        matrix = self.lookup(chars).transpose(1, 2)  # (W, char_width, L)
        seen = self.convolution(matrix[:, None])[:, 0]  # (W, char_width, L - window + 1)
        last = ((chars != PAD).sum(1) - self.window).clamp(min=0)  # (W,): the last window's place
        beyond = torch.arange(seen.shape[2]) > last[:, None]  # (W, L - window + 1)
        strongest: Tensor = seen.masked_fill(beyond[:, None], -torch.inf).amax(2)
        return strongest


class Chain(nn.Module):
    """Layers 2 to 17 of CWI's Table 4, by torch's convolutions and poolings."""

    def __init__(self, ours: CWICharacters) -> None:
        super().__init__()
        self.lookup, self.length = ours.lookup, ours.length
        self.narrowing, self.widening = ours.narrowing, ours.widening
        self.regularizers = ours.regularizers

    def forward(self, chars: Tensor) -> Tensor:
        """Characters (W, L) to vectors (W, width)."""
        kept = chars[:, : self.length]
        kept = nn.functional.pad(kept, (0, self.length - kept.shape[1]))
        steps = self.lookup(kept).transpose(1, 2)  # (W, char_width, length)
        pooled = []
        for layer in self.narrowing:
            steps = nn.functional.max_pool1d(_same(layer, steps), 2)
            pooled.append(steps)
        for layer, partner in zip(self.widening, reversed(pooled), strict=True):
            steps = torch.cat([partner, _same(layer, steps)], 2)
        regularized: Tensor = nn.Sequential(*self.regularizers)(steps)
        return regularized.flatten(1)


def _same(layer: nn.Module, steps: Tensor) -> Tensor:
    """Convolve (W, channels, L) to (W, filters, L): zeros around, the odd one at the end."""
    assert isinstance(layer, nn.Conv1d)
    missing = layer.kernel_size[0] - 1
    convolved: Tensor = layer(nn.functional.pad(steps, (missing // 2, missing - missing // 2)))
    return convolved


class Ends(nn.Module):
    """The last states of a bidirectional layer over packed words."""

    def __init__(self, ours: CharacterEnds) -> None:
        super().__init__()
        self.lookup, self.recurrent = ours.lookup, both_directions(ours.recurrent)

    def forward(self, chars: Tensor) -> Tensor:
        """Characters (W, L), at least one a word, to vectors (W, char_hidden)."""
        lengths = (chars != PAD).sum(1)
        steps = pack_padded_sequence(self.lookup(chars), lengths, True, enforce_sorted=False)
        return last_states(self.recurrent, steps)


def both_directions(ours: nn.Module) -> nn.RNNBase:
    """One layer of torch for both directions, on the weights of ours, a `Bidirectional`."""
    assert isinstance(ours, Bidirectional)
    forwards, backwards = ours.forwards, ours.backwards
    assert isinstance(forwards, nn.LSTM | nn.GRU)
    sizes = forwards.input_size, forwards.hidden_size
    both = type(forwards)(*sizes, batch_first=True, bidirectional=True)
    for name, weight in forwards.named_parameters():
        setattr(both, name, weight)
        setattr(both, f"{name}_reverse", getattr(backwards, name))
    return both


def last_states(layer: nn.Module, steps: object) -> Tensor:
    """[forward h_n; backward h_1] of steps (B, T, d), packed or not: (B, hidden)."""
    last = layer(steps)[1]
    states: Tensor = last[0] if isinstance(last, tuple) else last  # (2, B, hidden / 2)
    return torch.cat([states[0], states[1]], 1)


class Text(nn.Module):
    """Words and characters, dropout, torch's bidirectional LSTM, dropout."""

    def __init__(self, ours: TextEncoder) -> None:
        super().__init__()
        self.read = WordVectors(ours.words, ours.characters, ours.dropout.rate)
        self.bilstm = both_directions(ours.bilstm)
        self.dropout = nn.Dropout(ours.dropout.rate)

    def forward(self, words: Tensor, chars: Tensor) -> Tensor:
        """Words (B, T) with the characters (B, T, L) to (B, T, hidden)."""
        encoded: Tensor = self.dropout(self.bilstm(self.read(words, chars))[0])
        return encoded


class Coupled(nn.Module):
    """Equation 1 of Moon et al. 2018 in both directions, gate by gate and step by step."""

    def __init__(self, ours: Bidirectional) -> None:
        super().__init__()
        self.forwards, self.backwards = ours.forwards, ours.backwards

    def forward(self, steps: Tensor) -> Tensor:
        """Steps (B, T, d) to (B, T, hidden)."""
        back = self._one(self.backwards, steps.flip(1)).flip(1)
        return torch.cat([self._one(self.forwards, steps), back], 2)

    def _one(self, cell: nn.Module, steps: Tensor) -> Tensor:
        """One direction: (B, T, hidden / 2)."""
        assert isinstance(cell, CoupledLSTM)
        from_input = cell.from_input.weight.chunk(3), cell.from_input.bias.chunk(3)
        enter, new, leave = zip(*from_input, cell.from_state.weight.chunk(3), strict=True)
        h = c = steps.new_zeros(len(steps), cell.hidden)  # (B, hidden / 2) each
        states = []

        def heard(gate: tuple[Tensor, Tensor, Tensor], x: Tensor) -> Tensor:
            from_x, bias, from_h = gate
            return nn.functional.linear(x, from_x, bias) + nn.functional.linear(h, from_h)

        for x in steps.unbind(1):
            i = (heard(enter, x) + cell.cell_to_input(c)).sigmoid()
            candidate = heard(new, x).tanh()
            o_heard = heard(leave, x)
            c = (1 - i) * c + i * candidate
            h = (o_heard + cell.cell_to_output(c)).sigmoid() * c.tanh()
            states.append(h)
        return torch.stack(states, 1)
