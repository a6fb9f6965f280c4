"""The label index: arrays that find the few labels worth scoring.

fuzzywuzzy compares the form of a label: its letters and digits in lower case. Forms are numbered by
the best of their entities, the highest degree first, so that among labels with equal scores the
lowest number wins. For `pipeline.knowledge.labels.candidates`:

- `bags`: a 64-bit mask of the bag of characters of each form, ordered by length; a second mask if
  the form's sorted words without repeats have another length. The bits that only one of two masks
  has bound the common subsequence.
- `grams`: which forms hold three characters in a row. A word end counts as a character, so that one
  or two characters are a range of grams.
- `words`: which forms hold a word, by the length of the form.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipeline.knowledge.graph.graph import rank_entities
from pipeline.knowledge.labels.scorers import Scorer

# Codes of characters: a word's end, and any character but ASCII letters, digits and spaces.
END, OTHER, CODES = 0, 38, 39
PAD = "\0\0"
CHUNK = 100_000  # so many forms are encoded at a time


@dataclass(frozen=True)
class Postings:
    """Lists of form numbers laid end to end: list i is `items[starts[i]:starts[i + 1]]`."""

    starts: np.ndarray  # (lists + 1,) int64
    items: np.ndarray  # (n,) int32

    def __getitem__(self, at: int) -> np.ndarray:
        """List `at`."""
        return self.items[self.starts[at] : self.starts[at + 1]]


@dataclass(frozen=True)
class Bags:
    """Masks of bags of characters, by the length of the texts that they describe.

    `starts[n]` is the first of length n; `masks` (e,) uint64 and `forms` (e,) int32 go together.
    """

    starts: np.ndarray
    masks: np.ndarray
    forms: np.ndarray

    @cached_property
    def counts(self) -> np.ndarray:
        """The number of bits set in each mask, (e,) uint8."""
        counts: np.ndarray = np.bitwise_count(self.masks)
        return counts


@dataclass(frozen=True)
class LabelIndex:
    """Forms of labels, their entities, and the lists that find similar forms.

    Attributes:
        scorer: the scorer by whose rule the forms were made.
        forms: distinct and not empty; the form of the best entity comes first.
        entities: the entities of each form, the best first.
        ranks: (entities,) int64: the place of an entity, by degree and then by number.
        vocabulary: word -> its list in `words`.
        set_lengths: (f,) int32: the length of each form's words without repeats.
    """

    scorer: str
    forms: list[str]
    entities: Postings
    ranks: np.ndarray
    bags: Bags
    grams: Postings
    vocabulary: dict[str, int]
    words: Postings
    set_lengths: np.ndarray

    @cached_property
    def lengths(self) -> np.ndarray:
        """The number of characters of each form, (f,) int32."""
        return np.fromiter(map(len, self.forms), np.int32, len(self.forms))

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each form."""
        return {form: at for at, form in enumerate(self.forms)}

    @cached_property
    def best_ranks(self) -> np.ndarray:
        """The rank of each form's best entity, (f,) int64; ascending, with repeats."""
        best: np.ndarray = self.ranks[self.entities.items[self.entities.starts[:-1]]]
        return best


def build_index(
    labels: Sequence[str], entities: np.ndarray, degrees: np.ndarray, scorer: Scorer
) -> LabelIndex:
    """Index labels.

    Args:
        labels: (n,) names; an entity may have many, and entities may share one.
        entities: (n,) numbers of the entities that the labels name.
        degrees: (entities,) the degrees of all entities.
        scorer: makes the forms; a label without a letter or digit has none and is left out.
    """
    ranks = rank_entities(degrees)
    forms, owners = _group([scorer.form(label) for label in labels], entities, ranks)
    by_set, vocabulary, words = _words(forms)
    return LabelIndex(
        scorer.name,
        forms,
        owners,
        ranks,
        _bags(forms, by_set),
        _grams(forms),
        vocabulary,
        words,
        np.fromiter(map(len, by_set), np.int32, len(forms)),
    )


def codes_of(text: str) -> np.ndarray:
    """The codes of the characters of a text, (len(text),) uint8."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    return _TABLE[np.minimum(points, 128)]


def mask_of(text: str) -> np.uint64:
    """The mask of the bag of characters of a text."""
    codes = codes_of(text)
    return np.uint64(_masks(codes, np.zeros(len(codes), np.int64), 1)[0])


def gram_code(codes: np.ndarray) -> np.ndarray:
    """Codes (...) of grams from codes (..., 3) of characters; below 39^3, so that 16 bits do."""
    wide = codes.astype(np.uint32)
    return (wide[..., 0] * CODES + wide[..., 1]) * CODES + wide[..., 2]


def _table() -> np.ndarray:
    table = np.full(129, OTHER, np.uint8)
    table[0] = END
    table[ord(" ")] = 1
    table[ord("a") : ord("z") + 1] = np.arange(2, 28)
    table[ord("0") : ord("9") + 1] = np.arange(28, 38)
    return table


_TABLE = _table()


def _group(
    forms: Sequence[str], entities: np.ndarray, ranks: np.ndarray
) -> tuple[list[str], Postings]:
    """Distinct forms in the order of their best entities, with all their entities."""
    order = np.argsort(ranks[entities], kind="stable")
    owners: dict[str, dict[int, None]] = {}
    for at in order.tolist():
        if forms[at]:
            owners.setdefault(forms[at], {})[int(entities[at])] = None
    counts = np.array([len(held) for held in owners.values()], np.int64)
    flat = np.fromiter((e for held in owners.values() for e in held), np.int32, int(counts.sum()))
    return list(owners), Postings(np.concatenate([[0], np.cumsum(counts)]), flat)


def _words(forms: Sequence[str]) -> tuple[list[str], dict[str, int], Postings]:
    """Each form's sorted words without repeats, the numbers of all words, and each word's forms."""
    by_set: list[str] = []
    number: dict[str, int] = {}
    flat, held = array("i"), array("i")
    for at, form in enumerate(forms):
        words = sorted(set(form.split()))
        by_set.append(" ".join(words))
        flat.extend(number.setdefault(word, len(number)) for word in words)
        held.extend([at] * len(words))
    lists, owners = np.array(flat, np.int32), np.array(held, np.int32)
    lengths = np.fromiter(map(len, forms), np.int32, len(forms))
    order = np.lexsort((owners, lengths[owners], lists))
    return by_set, number, Postings(_starts(lists, len(number)), owners[order])


def _starts(lists: np.ndarray, count: int) -> np.ndarray:
    counts = np.bincount(lists, minlength=count)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _encoded(texts: Sequence[str], pad: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Codes of the characters of some texts, and for each the number of its text."""
    for first in range(0, len(texts), CHUNK):
        part = texts[first : first + CHUNK]
        lengths = np.fromiter(map(len, part), np.int64, len(part)) + len(pad)
        numbers = np.repeat(np.arange(first, first + len(part)), lengths)
        yield codes_of(pad.join(part) + pad), numbers


def _bags(forms: Sequence[str], by_set: Sequence[str]) -> Bags:
    """An entry for each form, and one for its sorted words if they have another length."""
    texts, owners = list(forms), list(range(len(forms)))
    for at, (form, plain) in enumerate(zip(forms, by_set, strict=True)):
        variants = {len(text): text for text in (" ".join(form.split()), plain)}
        others = [text for length, text in variants.items() if length != len(form)]
        texts += others
        owners += [at] * len(others)
    masks = np.empty(len(texts), np.uint64)
    for codes, numbers in _encoded(texts, ""):
        first, last = (int(numbers[0]), int(numbers[-1])) if len(numbers) else (0, -1)
        masks[first : last + 1] = _masks(codes, numbers - first, last + 1 - first)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    order = np.argsort(lengths, kind="stable")
    counts = np.bincount(lengths)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Bags(starts, masks[order], np.array(owners, np.int32)[order])


def _masks(codes: np.ndarray, texts: np.ndarray, count: int) -> np.ndarray:
    """The masks of `count` texts, from codes of characters and the text of each.

    36 bits say which letters and digits a text has, 26 which letters it has twice, 2 whether it has
    `a` or `e` three times. Spaces and other characters have no bit.
    """
    tally = np.bincount(texts * CODES + codes, minlength=count * CODES).reshape(count, CODES)
    bits = np.empty((count, 64), bool)
    bits[:, :36] = tally[:, 2:38] >= 1
    bits[:, 36:62] = tally[:, 2:28] >= 2
    bits[:, 62:] = tally[:, [2, 6]] >= 3
    packed: np.ndarray = np.packbits(bits, axis=1, bitorder="little").view("<u8")[:, 0]
    return packed


def _grams(forms: Sequence[str]) -> Postings:
    """The forms that hold each gram, ascending."""
    grams, owners = [], []
    for codes, numbers in _encoded(forms, PAD):
        inside = np.flatnonzero(codes[:-2] != END)
        windows = np.lib.stride_tricks.sliding_window_view(codes, 3)[inside]  # (n, 3)
        grams.append(gram_code(windows).astype(np.uint16))
        owners.append(numbers[inside].astype(np.int32))
    flat = np.concatenate([*grams, np.empty(0, np.uint16)])
    held = np.concatenate([*owners, np.empty(0, np.int32)])
    order = np.argsort(flat, kind="stable")
    flat, held = flat[order], held[order]
    new = np.ones(len(flat), bool)
    new[1:] = (flat[1:] != flat[:-1]) | (held[1:] != held[:-1])
    return Postings(_starts(flat[new], CODES**3), held[new])
