"""A million names for the lookup benchmark: FB15k-237's own, and variants as graphs have them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

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
    random = Random(seed)
    words = [name.split() for name in names]
    found = dict.fromkeys(names)
    while len(found) < count:
        make = random.choice(VARIANTS)
        found[make(random.choice(words), random.choice(words), random)] = None
    return list(found)[:count]


Variant = Callable[[list[str], list[str], Random], str]


def _disambiguated(one: list[str], _: list[str], random: Random) -> str:
    year = f"{random.randint(1900, 2020)} " if random.random() < 0.5 else ""
    return f"{' '.join(one)} ({year}{random.choice(KINDS)})"


def _placed(one: list[str], _: list[str], random: Random) -> str:
    return f"{' '.join(one)}, {random.choice(PLACES)}"


def _inverted(one: list[str], other: list[str], _: Random) -> str:
    return f"{one[-1]}, {' '.join([*one[:-1], other[0]])}"


def _abridged(one: list[str], other: list[str], _: Random) -> str:
    return f"{one[0][0]}. {other[0][0]}. {' '.join(one[1:] or one)}"


def _misspelt(one: list[str], _: list[str], random: Random) -> str:
    text = " ".join(one)
    at = random.randrange(len(text))
    if random.random() < 0.5:
        return text[:at] + text[at + 1 :]
    return text[:at] + random.choice(LETTERS) + text[at:]


def _tailed(one: list[str], _: list[str], random: Random) -> str:
    return f"{' '.join(one)} {random.choice(TAILS)}"


def _headed(one: list[str], _: list[str], random: Random) -> str:
    return f"{random.choice(HEADS)} {' '.join(one)}"


def _crossed(one: list[str], other: list[str], _: Random) -> str:
    return " ".join([*one[: (len(one) + 1) // 2], *other[len(other) // 2 :]])


def _middled(one: list[str], other: list[str], _: Random) -> str:
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
