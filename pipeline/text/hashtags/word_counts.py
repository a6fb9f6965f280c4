"""Norvig's counts of English words, as the package `wordsegment` ships them.

They give the probability that a word ends after each character of a run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from wordsegment import Segmenter

from pipeline.files import sha256_of
from pipeline.fingerprint import digest

LONGEST = 24  # a word has at most so many characters, as in the package
# As in the package, a word that was never counted has the probability 10 / (total 10^length). All
# probabilities are multiplied by 10^length, so that those of long runs stay in a float's range.
UNCOUNTED, LETTER = 10.0, 10.0


START = "<s>"  # in pairs it stands before a run's first word


@dataclass(frozen=True)
class WordCounts:
    """How often words and pairs of words were counted.

    Attributes:
        words: word -> count.
        following: word -> words that were seen after it -> count.
        total: the count of all words, listed or not.
        digest: identifies the two files.
    """

    words: Mapping[str, float]
    following: Mapping[str, Mapping[str, float]]
    total: float
    digest: str

    @classmethod
    def read(cls) -> WordCounts:
        """The counts of the installed package."""
        words, pairs = Segmenter.UNIGRAMS_FILENAME, Segmenter.BIGRAMS_FILENAME
        following: dict[str, dict[str, float]] = defaultdict(dict)
        for pair, count in Segmenter.parse(pairs).items():
            first, second = pair.split(" ")
            following[first][second] = count
        return cls(Segmenter.parse(words), dict(following), Segmenter.TOTAL, digest_of_counts())

    def borders(self, run: str) -> np.ndarray:
        """The probability of a border after each character of `run` (a-z, 0-9): (L,) float32.

        It is the share of all ways to split the run that have the border. Each way has the weight
        that the package gives it: a word counts after the one before it, or alone if the pair was
        never counted. The sums run forward and backward over pairs of neighbouring words. After the
        last character the probability is 1.
        """
        length = len(run)
        ends = [range(start + 1, min(start + LONGEST, length) + 1) for start in range(length)]
        alone = {(a, b): self._alone(run[a:b]) for a in range(length) for b in ends[a]}
        pairs = self._pairs(run, ends, alone)
        # ahead[a, b]: all ways up to b whose last word is run[a:b]; back[a, b]: all ways after it
        ahead, into = dict.fromkeys(alone, 0.0), [1.0, *[0.0] * length]
        for a in range(length):
            for b in ends[a]:
                extra = sum(w * (ahead[c, a] if a else 1.0) for c, w in pairs.get((a, b), ()))
                ahead[a, b] = into[a] * alone[a, b] + extra
                into[b] += ahead[a, b]
        back, out = dict.fromkeys(alone, 0.0), [*[0.0] * length, 1.0]
        for a in range(length - 1, -1, -1):
            for b in ends[a]:
                back[a, b] += out[b]
                out[a] += alone[a, b] * back[a, b]
                for c, weight in pairs.get((a, b), ()):
                    if a:
                        back[c, a] += weight * back[a, b]
        through = np.zeros(length)
        for (a, b), weight in ahead.items():
            through[b - 1] += weight * back[a, b]
        return (through / into[length]).astype(np.float32)

    def _pairs(
        self, run: str, ends: Sequence[range], alone: Mapping[tuple[int, int], float]
    ) -> dict[tuple[int, int], list[tuple[int, float]]]:
        """(a, b) -> (c, how much more run[a:b] weighs after run[c:a] than alone)."""
        found: dict[tuple[int, int], list[tuple[int, float]]] = defaultdict(list)
        words = [(c, a, run[c:a]) for c in range(len(run)) for a in ends[c] if a < len(run)]
        for c, a, word in [(0, 0, START), *words]:
            seen = self.following.get(word)
            if seen is None or word not in self.words:
                continue
            for b in ends[a]:
                count = seen.get(run[a:b])
                if count is not None:
                    weight = count / self.words[word] * LETTER ** (b - a)
                    found[a, b].append((c, weight - alone[a, b]))
        return found

    def _alone(self, word: str) -> float:
        count = self.words.get(word)
        return (UNCOUNTED if count is None else count * LETTER ** len(word)) / self.total


def digest_of_counts() -> str:
    """A digest of the package's two files of counts."""
    files = Segmenter.UNIGRAMS_FILENAME, Segmenter.BIGRAMS_FILENAME
    return digest([sha256_of(Path(file)) for file in files])
