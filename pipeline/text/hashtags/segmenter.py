"""Hashtags as words: what a hashtag is, what a segmenter does, and what no segmenter sees.

A segmenter splits runs of Latin letters and digits, the only places where words are run together
unseen. What a reader can see is split here, the same for all segmenters: signs such as `_` part
words and are dropped, other scripts and emoji part from Latin ones and are words as they stand.
So no letter, digit or emoji of a hashtag is ever lost.
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
    """Something run together, split; `confidence`, in [0, 1], that all of it is right."""

    words: tuple[str, ...]
    confidence: float


class Segmenter(Protocol):
    """Splits runs of Latin letters and digits: `neural`, `wordsegment` or `camel`."""

    def split(self, runs: Sequence[str]) -> list[Words]:
        """The words of each run; joined they are the run, letter by letter and as written."""


@dataclass(frozen=True)
class Segmented:
    """A hashtag's words, and what is to be told of it: "", or why no segmenter was asked."""

    token: str
    words: Words
    note: Literal["", "too long", "no letter or digit"] = ""


def exactly_right(found: Sequence[Words], phrases: Sequence[Sequence[str]]) -> float:
    """In percent, how many phrases were split as they are."""
    right = sum(words.words == tuple(p) for words, p in zip(found, phrases, strict=True))
    return 100.0 * right / len(phrases)


def body(token: str) -> str | None:
    """What stands behind a hashtag's sign, unseen marks left out; None for any other token."""
    seen = "".join(character for character in token if not is_invisible(character))
    return seen[1:] if len(seen) > 1 and seen.startswith(SIGNS) else None


def runs(text: str) -> list[tuple[Kind, str]]:
    """The stretches of `text` that a reader sees as one, gaps left out."""
    stretches = ((kind, "".join(part)) for kind, part in groupby(text, _kind))
    return [(kind, part) for kind, part in stretches if kind != "gap"]


def segment(tokens: Iterable[str], segmenter: Segmenter, max_characters: int) -> list[Segmented]:
    """The words of each hashtag among `tokens`, in their order; other tokens are passed over.

    Args:
        tokens: as spelled in the posts.
        segmenter: is asked once for each different Latin run.
        max_characters: a hashtag with more is one word, in which nobody has confidence.
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
    """`run` in a-z and 0-9, one for each character: accents left out, what else there is as x."""
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
