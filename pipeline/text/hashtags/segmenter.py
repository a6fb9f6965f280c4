"""Hashtags as words: the parts of a hashtag, and the segmenters that split some of them.

A segmenter splits runs of Latin letters and digits: only there do words run together unseen. This
module splits what a reader can see, the same for all segmenters: signs such as `_` separate words
and are dropped; stretches of other scripts and of emoji are words as they stand. So no letter,
digit or emoji of a hashtag is ever lost.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Literal, Protocol

from pipeline.corpus.normalize import is_invisible

SIGNS = ("#", "\N{FULLWIDTH NUMBER SIGN}")
Kind = Literal["latin", "other", "pictures", "gap"]


@dataclass(frozen=True)
class Words:
    """A run that was split; `confidence`, in [0, 1], is that all of its words are right."""

    words: tuple[str, ...]
    confidence: float


class Segmenter(Protocol):
    """Splits runs of Latin letters and digits; there are `neural`, `wordsegment` and `camel`."""

    def split(self, runs: Sequence[str]) -> list[Words]:
        """The words of each run; joined, they are the run letter by letter, as written."""


@dataclass(frozen=True)
class Segmented:
    """A hashtag's words; `note` says why no segmenter was asked, and is empty if one was."""

    token: str
    words: Words
    note: Literal["", "too long", "no letter or digit"] = ""


def exactly_right(found: Sequence[Words], phrases: Sequence[Sequence[str]]) -> float:
    """The percentage of phrases that were split into exactly their words."""
    right = sum(words.words == tuple(p) for words, p in zip(found, phrases, strict=True))
    return 100.0 * right / len(phrases)


def body(token: str) -> str | None:
    """The text after a hashtag's sign, without invisible marks; None for any other token."""
    seen = "".join(character for character in token if not is_invisible(character))
    return seen[1:] if len(seen) > 1 and seen.startswith(SIGNS) else None


def runs(text: str) -> list[tuple[Kind, str]]:
    """The stretches of `text` that a reader sees as one, without gaps."""
    stretches = ((kind, "".join(part)) for kind, part in groupby(text, _kind))
    return [(kind, part) for kind, part in stretches if kind != "gap"]


def segment(tokens: Iterable[str], segmenter: Segmenter, max_characters: int) -> list[Segmented]:
    """The words of each hashtag among `tokens`, in their order; other tokens are ignored.

    Args:
        tokens: tokens as spelled in the posts.
        segmenter: splits each different Latin run once.
        max_characters: a hashtag with more is one word, with confidence 0.
    """
    bodies = {token: text for token in tokens if (text := body(token)) is not None}
    stretches = {token: runs(text) for token, text in bodies.items()}
    short = [token for token, text in bodies.items() if len(text) <= max_characters]
    latin = sorted({part for token in short for kind, part in stretches[token] if kind == "latin"})
    split = dict(zip(latin, segmenter.split(latin), strict=True))
    found = []
    for token, text in bodies.items():
        if len(text) > max_characters:
            found.append(Segmented(token, Words((text,), 0.0), "too long"))
            continue
        # A run that no segmenter sees is a word as it stands.
        parts = [split.get(part, Words((part,), 1.0)) for _, part in stretches[token]]
        words = tuple(word for part in parts for word in part.words)
        sure = Words(words or (text,), math.prod(part.confidence for part in parts))
        spelled = any(kind != "pictures" for kind, _ in stretches[token])
        found.append(Segmented(token, sure, "" if spelled else "no letter or digit"))
    return found


def folded(run: str) -> str:
    """`run` in a-z and 0-9, one for each character: accents are dropped, others become x."""
    return "".join(map(_fold, run))


def _fold(character: str) -> str:
    plain = unicodedata.normalize("NFKD", character).lower()[:1]
    return plain if plain.isascii() and plain.isalnum() else "x"


@lru_cache(4096)
def _kind(character: str) -> Kind:
    if character.isalnum() or unicodedata.category(character).startswith("M"):
        named = unicodedata.name(character, "")
        return "latin" if character.isdecimal() or "LATIN" in named else "other"
    # Symbols (emoji among them) can be seen and are kept; punctuation and spaces part words.
    return "pictures" if unicodedata.category(character) in ("So", "Sk", "Sc", "Sm") else "gap"
