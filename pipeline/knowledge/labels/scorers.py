"""The scores of fuzzywuzzy, and bounds on them that cost a hundredth of the score.

The score itself is always fuzzywuzzy's own. Three facts make bounds valid for all its scorers:

1. difflib's matching blocks (and python-Levenshtein's, where that is installed) are one common
   subsequence of the two strings, so no ratio exceeds that of the longest one, which rapidfuzz
   computes with bit-parallel algebra. rapidfuzz tries all the windows that `partial_ratio` tries.
   fuzzywuzzy's formula is monotone in its parts, so that the same formula over
   rapidfuzz's parts (`Scorer.bounds`) is never below the score.
2. A common subsequence takes each character at most as often as both strings have it: with B the
   size of the intersection of the bags of characters, ratio <= 2B / (|a| + |b|), whatever the order
   of the words. A window no longer than the shorter string s gives ratio <= 2B / (|s| + B).
3. `token_set_ratio` of strings that share words of s characters in all is at most the larger of
   2s / (s + |a|), 2s / (s + |b|) and a whole-string ratio (2), a and b without repeated words.

`Scorer.reach` says which labels may reach a cutoff by these facts, and
`pipeline.knowledge.labels.candidates` finds those labels.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from rapidfuzz import fuzz as fast
from rapidfuzz.process import cdist

from pipeline.errors import PipelineError

with warnings.catch_warnings():  # fuzzywuzzy warns that its matcher is slow: the index helps that
    warnings.simplefilter("ignore")
    from fuzzywuzzy import fuzz
    from fuzzywuzzy.utils import full_process

# WRatio multiplies by UNBASE where it ignores word order, by PARTIAL where it compares a part of a
# string, and by TINY where the part is less than an eighth of it.
UNBASE, PARTIAL, TINY = 0.95, 0.9, 0.6
NEAR, FAR = 1.5, 8.0  # longer : shorter; WRatio compares parts from NEAR on, with TINY above FAR
# A partial ratio above CONTAINED means that the longer string holds the shorter one, if this has at
# most EXACT characters.
CONTAINED, EXACT = 0.99, 100
SLACK = 1e-9

Part = Callable[..., float]


@dataclass(frozen=True)
class Reach:
    """The ways in which a label's score can reach a cutoff; None: no label does in this way.

    Attributes:
        whole: the least ratio of whole strings, in any order of their words, 0..1.
        shared_words: the least ratio of the shared words to one of the two strings, 0..1.
        within: the same, but only if the longer string is shorter than so many times the other.
        windows: the least ratio of the shorter string to a part of the longer one, 0..1.
        inside: (a, b): `windows` means that the longer string, longer by a factor of a to b, holds
            the shorter one as it stands, if this has at most `EXACT` characters.
        any_word: one shared word is enough.
    """

    whole: float | None = None
    shared_words: float | None = None
    within: float = np.inf
    windows: float | None = None
    inside: tuple[float, float] | None = None
    any_word: bool = False


@dataclass(frozen=True)
class Scorer:
    """One of fuzzywuzzy's scorers.

    Attributes:
        name: fuzzywuzzy's name of it.
        score: (query's form, label's form) -> 0..100, by fuzzywuzzy.
        ascii_only: whether characters beyond ASCII are removed first.
        bounds: (query's form, labels' forms, cutoff) -> int array, never below the scores that
            reach the cutoff.
        reach: cutoff -> the ways to reach it.
    """

    name: str
    score: Callable[[str, str], int]
    ascii_only: bool
    bounds: Callable[[str, Sequence[str], int], np.ndarray]
    reach: Callable[[int], Reach]

    def form(self, text: str) -> str:
        """The form of `text` that the scorer compares: its letters and digits, in lower case."""
        form: str = full_process(text, force_ascii=self.ascii_only)
        return form


def find_scorer(name: str) -> Scorer:
    """The scorer that fuzzywuzzy calls `name`.

    Raises:
        PipelineError: for an unknown name; it lists the known ones.
    """
    if name not in SCORERS:
        raise PipelineError(f"knowledge.scorer: no {name!r}; known: {', '.join(sorted(SCORERS))}")
    return SCORERS[name]


def matcher() -> str:
    """The matcher that fuzzywuzzy works with: the scores of its two matchers differ."""
    return "difflib" if fuzz.SequenceMatcher.__module__ == "difflib" else "python-Levenshtein"


@cache
def _least(cutoff: int, scale: float) -> float | None:
    """The least ratio, 0..1, whose rounded hundredfold times `scale` rounds to the cutoff."""
    reached = (part for part in range(101) if round(part * scale) >= cutoff)
    part = next(reached, None)
    return None if part is None else (part - 0.5) / 100 - SLACK


def _parts(part: Part, query: str, forms: Sequence[str], cutoff: int) -> np.ndarray:
    """An upper bound of a part's rounded score for each form; 0 where below the cutoff."""
    found = cdist([query], forms, scorer=part, score_cutoff=max(cutoff - 1, 0), dtype=np.float32)
    return _rounded(found[0])


def _rounded(scores: np.ndarray) -> np.ndarray:
    """The rounded scores; a half goes up, and so does a sum in float32 just below a half."""
    rounded: np.ndarray = np.floor(scores + 0.501).astype(np.int64)
    return rounded


def _plain_bounds(part: Part, query: str, forms: Sequence[str], cutoff: int) -> np.ndarray:
    return _parts(part, query, forms, cutoff)


def _weighted_bounds(query: str, forms: Sequence[str], cutoff: int) -> np.ndarray:
    """WRatio's formula over rapidfuzz's parts."""
    lengths = np.fromiter(map(len, forms), np.int64, len(forms))
    ratio = np.maximum(lengths, len(query)) / np.maximum(np.minimum(lengths, len(query)), 1)
    bounds = _parts(fast.ratio, query, forms, cutoff).astype(np.float64)
    scale = np.where(ratio > FAR, TINY, PARTIAL)
    for chosen, whole, parts in (
        (ratio < NEAR, None, (fast.token_sort_ratio, fast.token_set_ratio)),
        (
            ratio >= NEAR,
            fast.partial_ratio,
            (fast.partial_token_sort_ratio, fast.partial_token_set_ratio),
        ),
    ):
        at = np.flatnonzero(chosen)
        if not len(at):
            continue
        some = [forms[i] for i in at.tolist()]
        scales = scale[at] if whole is not None else np.ones(len(at))
        found = [_parts(part, query, some, cutoff) * UNBASE * scales for part in parts]
        if whole is not None:
            found.append(_parts(whole, query, some, cutoff) * scales)
        bounds[at] = np.maximum(bounds[at], np.max(found, axis=0))
    return _rounded(bounds)


def _weighted_reach(cutoff: int) -> Reach:
    inside, sorted_inside = _least(cutoff, PARTIAL), _least(cutoff, PARTIAL * UNBASE)
    contained = inside is not None and inside > CONTAINED and sorted_inside is None
    parts = [ratio for ratio in (inside, sorted_inside, _least(cutoff, TINY)) if ratio is not None]
    return Reach(
        whole=_least(cutoff, 1.0),
        shared_words=_least(cutoff, UNBASE),
        within=NEAR,
        windows=min(parts, default=None),
        inside=(NEAR, FAR) if contained else None,
        any_word=sorted_inside is not None,
    )


def _whole(cutoff: int) -> Reach:
    return Reach(whole=_least(cutoff, 1.0))


def _words(cutoff: int) -> Reach:
    return Reach(whole=_least(cutoff, 1.0), shared_words=_least(cutoff, 1.0))


def _windows(cutoff: int) -> Reach:
    return Reach(windows=_least(cutoff, 1.0))


def _any_word(cutoff: int) -> Reach:
    return Reach(windows=_least(cutoff, 1.0), any_word=True)


def _make(
    name: str,
    part: Part | None,
    reach: Callable[[int], Reach],
    *,
    ascii_only: bool,
    processes: bool,
) -> Scorer:
    score = getattr(fuzz, name)
    return Scorer(
        name,
        partial(score, full_process=False) if processes else score,
        ascii_only,
        _weighted_bounds if part is None else partial(_plain_bounds, part),
        reach,
    )


# They run as in fuzzywuzzy.process: `ratio` and `partial_ratio` keep letters beyond ASCII, like U*.
SCORERS = {
    scorer.name: scorer
    for scorer in (
        _make("WRatio", None, _weighted_reach, ascii_only=True, processes=True),
        _make("UWRatio", None, _weighted_reach, ascii_only=False, processes=True),
        _make("QRatio", fast.ratio, _whole, ascii_only=True, processes=True),
        _make("UQRatio", fast.ratio, _whole, ascii_only=False, processes=True),
        _make("ratio", fast.ratio, _whole, ascii_only=False, processes=False),
        _make("token_sort_ratio", fast.token_sort_ratio, _whole, ascii_only=True, processes=True),
        _make("token_set_ratio", fast.token_set_ratio, _words, ascii_only=True, processes=True),
        _make("partial_ratio", fast.partial_ratio, _windows, ascii_only=False, processes=False),
        _make(
            "partial_token_sort_ratio",
            fast.partial_token_sort_ratio,
            _windows,
            ascii_only=True,
            processes=True,
        ),
        _make(
            "partial_token_set_ratio",
            fast.partial_token_set_ratio,
            _any_word,
            ascii_only=True,
            processes=True,
        ),
    )
}
