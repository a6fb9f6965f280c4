"""The words of captions, by number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

SPECIALS = ("<pad>", "<unk>", "<start>", "<end>")
PAD, UNKNOWN, START, END = range(len(SPECIALS))
UNSAID = [PAD, UNKNOWN, START]  # never part of a caption that is made


@dataclass(frozen=True)
class Vocabulary:
    """Words by number; the specials come first."""

    words: tuple[str, ...]

    @classmethod
    def of(cls, captions: Iterable[Sequence[str]], min_count: int) -> Vocabulary:
        """The words that captions hold at least `min_count` times, the most frequent first."""
        counts = Counter(word for caption in captions for word in caption)
        kept = sorted((-count, word) for word, count in counts.items() if count >= min_count)
        return cls((*SPECIALS, *(word for _, word in kept if word not in SPECIALS)))

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words)}

    def encode(self, caption: Sequence[str]) -> list[int]:
        """The numbers of a caption's words, then that of the end."""
        return [*(self._numbers.get(word, UNKNOWN) for word in caption), END]

    def decode(self, numbers: Sequence[int]) -> tuple[str, ...]:
        """The words of a caption, without specials."""
        return tuple(self.words[number] for number in numbers if number >= len(SPECIALS))
