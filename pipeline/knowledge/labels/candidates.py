"""Candidate entities of a mention: those whose label fuzzywuzzy scores at or above a cutoff.

Scoring every label would give the same entities with the same scores, since only valid bounds
(`pipeline.knowledge.labels.scorers`) rule a label out: cheap bounds pick a superset from the index,
tight ones order it, and fuzzywuzzy scores from the top until no further label can matter. At
cutoffs of 90 and more WRatio compares whole names or demands containment, and lists answer; lower
cutoffs, and the partial scorers, look at the mask of every label.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from pipeline.knowledge.labels.index import CODES, OTHER, LabelIndex, codes_of, gram_code, mask_of
from pipeline.knowledge.labels.scorers import EXACT, PARTIAL, Reach, Scorer

Need = Callable[[int, int], float]  # lengths of query and form -> characters
Span = tuple[float, float]  # lengths of forms, from and to

EPSILON = 1e-6  # on lengths, which are whole numbers
NONE = np.empty(0, np.int64)
FIRST = 64  # so many labels are ordered at a time: more than a usual mention needs
RARE = 200  # at most so many labels are compared character by character


@dataclass(frozen=True)
class Candidate:
    """An entity whose best label scores `score`, 0..100; `form` is that label's form."""

    entity: int
    score: int
    form: str


def find_candidates(
    index: LabelIndex, scorer: Scorer, mention: str, cutoff: int, best: int
) -> list[Candidate]:
    """The `best` entities of highest score; equal scores go by degree, then by number.

    Args:
        index: built for the scorer's forms.
        scorer: its scores count.
        mention: a name as a post spells it; without a letter or digit it has no candidates.
        cutoff: the least score, 1..100.
        best: the greatest number of entities.
    """
    query = scorer.form(mention)
    if not query or not index.forms:
        return []
    found: dict[int, Candidate] = {}
    for bound, form in _most_promising(index, scorer, query, cutoff):
        ahead = sorted(found.values(), key=lambda c: (-c.score, index.ranks[c.entity]))[:best]
        if len(ahead) == best:
            last = ahead[-1]
            worst = (-last.score, index.ranks[last.entity])
            if (-bound, index.best_ranks[form]) > worst:
                break
        score = scorer.score(query, index.forms[form])
        if score < cutoff:
            continue
        for entity in index.entities[form].tolist():
            if entity not in found or found[entity].score < score:
                found[entity] = Candidate(entity, score, index.forms[form])
    return sorted(found.values(), key=lambda c: (-c.score, index.ranks[c.entity]))[:best]


def _most_promising(
    index: LabelIndex, scorer: Scorer, query: str, cutoff: int
) -> Iterator[tuple[int, int]]:
    """(bound of the score, form) of all forms that may reach, by falling bound, then by rank."""
    reach = scorer.reach(cutoff)
    inside = NONE
    if reach.inside is not None:
        inside = _contained(index, query, *reach.inside)
    loose = [find(index, query, reach) for find in (_whole, _worded, _windowed)]
    rest = _distinct(np.concatenate(loose))
    rest = rest[~_among(rest, inside)]
    bounds = scorer.bounds(query, [index.forms[form] for form in rest.tolist()], cutoff)
    rest, bounds = rest[bounds >= cutoff], bounds[bounds >= cutoff]
    # A contained form of another length is compared as a part: its score is a scaled hundred.
    all_bounds = np.concatenate([bounds, np.full(len(inside), round(100 * PARTIAL))])
    keys = (100 - all_bounds << 32) | np.concatenate([rest, inside])  # (n,) int64
    taken = 0
    while taken < len(keys):
        upto = min(max(2 * taken, FIRST), len(keys))
        if upto < len(keys):
            keys[taken:].partition(upto - taken)
        keys[taken:upto].sort()
        for key in keys[taken:upto].tolist():
            yield 100 - (key >> 32), key & 0xFFFFFFFF
        taken = upto


def _whole(index: LabelIndex, query: str, reach: Reach) -> np.ndarray:
    """Forms whose bag of characters lets a ratio of whole strings reach."""
    ratio = reach.whole
    if ratio is None:
        return NONE
    share = ratio / (2 - ratio)  # the shorter string must have this share of the longer one
    return _scan(index, query, lambda a, b: ratio * (a + b) / 2, lambda a: (share * a, a / share))


def _windowed(index: LabelIndex, query: str, reach: Reach) -> np.ndarray:
    """Forms whose bag of characters lets a part reach, without those that containment finds."""
    if reach.windows is None or (reach.inside is not None and len(query) <= EXACT):
        return NONE
    share = reach.windows / (2 - reach.windows)
    least = 1 if reach.inside is None else EXACT + 1
    return _scan(index, query, lambda a, b: share * min(a, b), lambda _: (least, np.inf))


def _scan(index: LabelIndex, query: str, need: Need, span: Callable[[int], Span]) -> np.ndarray:
    """Forms of the lengths `span(length of query)` that may have enough characters of the query.

    Enough is `need(length of query, length of form)`. The two have at most those characters of the
    query in common that the form's mask has, and the other way round.
    """
    bags = index.bags
    longest = len(bags.starts) - 2
    found = [NONE]
    for text in _variants(query):
        mask = mask_of(text)
        size, bits = len(text), int(np.bitwise_count(mask))
        low, high = span(size)
        low, high = max(math.ceil(low - EPSILON), 1), math.floor(min(high, longest) + EPSILON)
        for length in range(low, high + 1):
            entries = slice(bags.starts[length], bags.starts[length + 1])
            needed = math.ceil(need(size, length) - EPSILON)
            common = np.bitwise_count(bags.masks[entries] & mask)  # (entries,) bits of both
            near = np.flatnonzero(common >= max(bits - (size - needed), 0))
            spare = common[near].astype(np.int16) + (length - needed)
            near = near[bags.counts[entries][near] <= spare]
            found.append(bags.forms[entries][near])
    return np.concatenate(found)


def _variants(query: str) -> list[str]:
    """The query, and its words singly spaced and without repeats where that changes the length."""
    words = query.split()
    texts = (" ".join(sorted(set(words))), " ".join(words), query)
    return list({len(text): text for text in texts}.values())


def _worded(index: LabelIndex, query: str, reach: Reach) -> np.ndarray:
    """Forms that share enough words with the query."""
    if reach.shared_words is None and not reach.any_word:
        return NONE
    words = sorted(set(query.split()))
    known = [word for word in words if word in index.vocabulary]
    lists = [index.words[index.vocabulary[word]] for word in known]
    if not reach.any_word:
        low, high = len(query) / reach.within, len(query) * reach.within
        lists = [_of_length(index, forms, low, high) for forms in lists]
    forms = np.concatenate([NONE, *lists])
    if reach.any_word or reach.shared_words is None or not len(forms):
        return _distinct(forms)
    characters = np.repeat([len(word) + 1 for word in known], [len(some) for some in lists])
    order = np.argsort(forms, kind="stable")
    forms = forms[order]
    first = np.flatnonzero(np.diff(forms, prepend=-1))
    shared = np.add.reduceat(characters[order], first) - 1  # and a space between two words
    forms = forms[first]
    shortest = np.minimum(len(" ".join(words)), index.set_lengths[forms])
    share = reach.shared_words / (2 - reach.shared_words)
    enough: np.ndarray = forms[shared >= share * shortest - EPSILON]
    return enough


def _of_length(index: LabelIndex, forms: np.ndarray, low: float, high: float) -> np.ndarray:
    """The forms from `low` to `high` long, out of a list in the order of length."""
    lengths = index.lengths[forms]
    return forms[np.searchsorted(lengths, low) : np.searchsorted(lengths, high, side="right")]


def _contained(index: LabelIndex, query: str, low: float, high: float) -> np.ndarray:
    """Forms that hold the query or stand in it, longer or shorter by a factor from low to high.

    The shorter of the two has at most `EXACT` characters. Ascending.
    """
    size = len(query)
    numbers = index.numbers
    lengths = range(math.ceil(size / high), min(math.floor(size / low), EXACT) + 1)
    parts = {query[at : at + n] for n in lengths for at in range(size - n + 1)}
    shorter = np.array(sorted(numbers[part] for part in parts if part in numbers), np.int64)
    if size > EXACT:
        return shorter
    longer = _holding(index, query, low * size, high * size)
    return np.sort(np.concatenate([shorter, longer]))


def _holding(index: LabelIndex, query: str, low: float, high: float) -> np.ndarray:
    """Forms from `low` to `high` long that hold the query somewhere; ascending."""
    codes = codes_of(query)
    if len(codes) < 3:
        first = int(gram_code(np.pad(codes, (0, 3 - len(codes)))))
        last = first + CODES ** (3 - len(codes))
        starts = index.grams.starts
        forms = _distinct(index.grams.items[starts[first] : starts[last]])
    else:
        grams = np.unique(gram_code(np.lib.stride_tricks.sliding_window_view(codes, 3)))
        lists = sorted((index.grams[gram] for gram in grams.tolist()), key=len)
        forms = lists[0]
        for other in lists[1:]:
            if len(forms) <= RARE:
                break
            forms = forms[_among(forms, other)]
    lengths = index.lengths[forms]
    forms = forms[(lengths >= low) & (lengths <= high)]
    if len(codes) > 3 or OTHER in codes:
        forms = forms[np.array([query in index.forms[form] for form in forms.tolist()], bool)]
    held: np.ndarray = forms.astype(np.int64)
    return held


def _distinct(numbers: np.ndarray) -> np.ndarray:
    """Each number once, ascending."""
    ordered = np.sort(numbers)
    return ordered[np.flatnonzero(np.diff(ordered, prepend=-1))]


def _among(some: np.ndarray, sorted_others: np.ndarray) -> np.ndarray:
    """(n,) bool: which of `some` stand among `sorted_others`."""
    if not len(sorted_others):
        return np.zeros(len(some), bool)
    at = np.searchsorted(sorted_others, some)
    found: np.ndarray = sorted_others[np.minimum(at, len(sorted_others) - 1)] == some
    return found
