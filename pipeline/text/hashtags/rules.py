"""The two segmenters that are not trained here: a rule on case, and the package `wordsegment`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from wordsegment import Segmenter as WordCounts

from pipeline.text.hashtags.segmenter import Words, folded


class CamelCase:
    """Splits where case and digits show a border."""

    def split(self, runs: Sequence[str]) -> list[Words]:
        """As `Segmenter`; the confidence is 0 for a run in one case, which shows no border."""
        return [self._split(run) for run in runs]

    def _split(self, run: str) -> Words:
        borders = [at for at in range(1, len(run)) if _is_border(run, at)]
        words = tuple(run[a:b] for a, b in pairwise([0, *borders, len(run)]))
        tells = len(words) > 1 or run.istitle() or run.isdecimal()
        return Words(words, float(tells))


def _is_border(run: str, at: int) -> bool:
    """Whether case and digits show a border before `at`: NBA|Finals, July|4th|PBS, not MH17."""
    before, here, after = run[at - 1], run[at], run[at + 1 : at + 2]
    if here.isupper():
        return before.islower() or after.islower()
    return here.isdigit() and before.islower()


class WordSegment:
    """The most probable words by Norvig's counts of English words and pairs of words."""

    def __init__(self) -> None:
        self._counts = WordCounts()
        self._counts.load()

    def split(self, runs: Sequence[str]) -> list[Words]:
        """As `Segmenter`; the confidence is the share of letters that stand in counted words."""
        return [self._split(run) for run in runs]

    def _split(self, run: str) -> Words:
        found = self._counts.segment(folded(run))
        known = sum(len(word) for word in found if word in self._counts.unigrams)
        return Words(tuple(_cut(run, found)), known / len(run))


def _cut(run: str, words: Sequence[str]) -> Iterator[str]:
    """`run` in pieces as long as `words`."""
    start = 0
    for word in words:
        yield run[start : start + len(word)]
        start += len(word)
