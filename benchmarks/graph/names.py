"""A million names for the lookup benchmark: FB15k-237's own, and variants as graphs have them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


PLACES = ["Texas", "Ohio", "California", "Ontario", "Scotland", "Georgia", "New York", "Kansas"]
KINDS = ["film", "album", "song", "band", "novel", "TV series", "footballer", "politician", "city"]
TAILS = ["Jr.", "II", "III", "Foundation", "Museum", "Airport", "High School", "F.C.", "Records"]
LETTERS = "abcdefghijklmnopqrstuvwxyz"
HEADS = ["The", "University of", "Lake", "Saint", "Mount", "Fort", "North", "South", "Old", "Port"]


def million_names(names: list[str], count: int, seed: int) -> list[str]:
    """The `names`, and variants of them until there are `count` different ones.

    Half of the variants are other names of the same things (disambiguated, inverted, abridged,
    misspelt), half names of other things that are made of the same words.
    """
    random = np.random.default_rng(seed)
    words = [name.split() for name in names]
    found = dict.fromkeys(names)
    while len(found) < count:
        one, other = (words[at] for at in random.integers(len(words), size=2))
        make = VARIANTS[random.integers(len(VARIANTS))]
        found[make(list(one), list(other), random)] = None
    return list(found)[:count]


def _pick(options: list[str], random: np.random.Generator) -> str:
    return options[random.integers(len(options))]


Variant = Callable[[list[str], list[str], np.random.Generator], str]


def _disambiguated(one: list[str], _: list[str], random: np.random.Generator) -> str:
    year = f"{random.integers(1900, 2021)} " if random.random() < 0.5 else ""
    return f"{' '.join(one)} ({year}{_pick(KINDS, random)})"


def _placed(one: list[str], _: list[str], random: np.random.Generator) -> str:
    return f"{' '.join(one)}, {_pick(PLACES, random)}"


def _inverted(one: list[str], other: list[str], _: np.random.Generator) -> str:
    return f"{one[-1]}, {' '.join([*one[:-1], other[0]])}"


def _abridged(one: list[str], other: list[str], _: np.random.Generator) -> str:
    return f"{one[0][0]}. {other[0][0]}. {' '.join(one[1:] or one)}"


def _misspelt(one: list[str], _: list[str], random: np.random.Generator) -> str:
    text, at = " ".join(one), int(random.integers(max(len(" ".join(one)), 1)))
    letter = LETTERS[random.integers(26)]
    return _pick([text[:at] + text[at + 1 :], text[:at] + letter + text[at:]], random)


def _tailed(one: list[str], _: list[str], random: np.random.Generator) -> str:
    return f"{' '.join(one)} {_pick(TAILS, random)}"


def _headed(one: list[str], _: list[str], random: np.random.Generator) -> str:
    return f"{_pick(HEADS, random)} {' '.join(one)}"


def _crossed(one: list[str], other: list[str], _: np.random.Generator) -> str:
    return " ".join([*one[: (len(one) + 1) // 2], *other[len(other) // 2 :]])


def _middled(one: list[str], other: list[str], _: np.random.Generator) -> str:
    return " ".join([one[0], other[0], *one[1:]])


VARIANTS: list[Variant] = [
    _disambiguated,
    _placed,
    _abridged,
    _misspelt,
    _inverted,
    _tailed,
    _headed,
    _crossed,
    _crossed,
    _crossed,
    _middled,
    _middled,
]
