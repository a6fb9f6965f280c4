"""Phrases for the neural segmenter: their spaces are removed, and it is to find the borders.

TriMod trains on "a non-standard dataset", of which it says no more; these phrases are ours. Some
are stretches of the corpus's posts, the others are drawn from English word counts: words by their
counts to a power below 1, so that rare ones come too, and chains of pairs of words that often stand
together.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from pipeline.corpus.posts import Post
from pipeline.text.hashtags.word_counts import WordCounts

WORD = re.compile(r"[^\W\d_]+|\d+")  # words of letters alone, or of digits alone, are joined
MOST = 4  # a phrase has at most so many words
POWER = 0.6  # words are drawn by count^POWER
# The probabilities of a single word, of any word in a chain instead of a frequent follower, and of
# one word more.
ALONE, WITH_RARE, ON = 0.25, 0.15, 0.5
FORMS = {"written": 0.45, "small": 0.25, "camel": 0.25, "capitals": 0.05}

Phrase = tuple[str, ...]


def stretches(
    posts: Sequence[Post], count: int, random: np.random.Generator, fewest: int = 1
) -> list[Phrase]:
    """Up to `count` different stretches of `fewest` to 4 words out of posts, as written.

    A stretch holds neither punctuation nor hashtags, mentions or links. A small corpus has fewer
    than `count`.
    """
    found = {
        post.tokens[start : start + length]
        for post in posts
        for start in range(len(post.tokens))
        for length in range(fewest, min(MOST, len(post.tokens) - start) + 1)
        if all(WORD.fullmatch(word) for word in post.tokens[start : start + length])
    }
    ordered = sorted(found)
    return [ordered[at] for at in random.permutation(len(ordered))[:count]]


@dataclass(frozen=True)
class _Choice:
    """Entries to draw from, by their counts."""

    entries: Sequence[str]
    sums: Sequence[float]  # for each entry, the sum of count^POWER up to and with it

    @classmethod
    def of(cls, counts: Mapping[str, float]) -> _Choice:
        return cls(list(counts), list(accumulate(count**POWER for count in counts.values())))

    def draw(self, random: np.random.Generator) -> str:
        return self.entries[bisect(self.sums, random.random() * self.sums[-1])]


class CountedPhrases:
    """Draws phrases from counts of words and of pairs of words."""

    def __init__(self, counts: WordCounts) -> None:
        following = {first: _proper(seconds) for first, seconds in counts.following.items()}
        self._words = _Choice.of(_proper(counts.words))
        self._following = {
            first: _Choice.of(seconds)
            for first, seconds in following.items()
            if WORD.fullmatch(first) and seconds
        }
        heads = {first: choice.sums[-1] for first, choice in self._following.items()}
        self._heads = _Choice(list(heads), list(accumulate(heads.values())))

    def draw(self, count: int, random: np.random.Generator) -> list[Phrase]:
        """`count` phrases of 1 to 4 words, in small letters."""
        return [self._draw(random) for _ in range(count)]

    def _draw(self, random: np.random.Generator) -> Phrase:
        if random.random() < ALONE:
            return (self._words.draw(random),)
        words = [self._heads.draw(random)]
        while len(words) < 2 or (len(words) < MOST and random.random() < ON):
            choice = self._following.get(words[-1])
            if choice is None or random.random() < WITH_RARE:
                choice = self._words
            words.append(choice.draw(random))
        return tuple(words)


def _proper(counts: Mapping[str, float]) -> dict[str, float]:
    return {word: count for word, count in counts.items() if WORD.fullmatch(word)}


def cased(phrase: Phrase, random: np.random.Generator) -> Phrase:
    """The phrase in one of the ways in which hashtags are written."""
    form = random.choice(list(FORMS), p=list(FORMS.values()))
    return tuple(in_form(word, str(form)) for word in phrase)


def in_form(word: str, form: str) -> str:
    """A word of a hashtag in the form of this name."""
    match form:
        case "small":
            return word.lower()
        case "camel":
            return word[:1].upper() + word[1:]
        case "capitals":
            return word.upper()
    return word
