"""Scoring every label: what the label index must agree with."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context

import numpy as np
from rapidfuzz import fuzz as fast
from rapidfuzz.distance import LCSseq
from rapidfuzz.process import cdist

from pipeline.knowledge.labels.scorers import FAR, NEAR, Scorer

Ten = list[tuple[int, int]]  # (label, score) of the best, in order


@dataclass
class Labels:
    """Labels by their forms, the shortest first; `ranks` break ties."""

    scorer: Scorer
    forms: list[str]
    ranks: np.ndarray  # (n,) of each label
    order: np.ndarray = field(init=False)  # (n,) the labels by length
    sorted_forms: list[str] = field(init=False)
    lengths: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        lengths = np.fromiter(map(len, self.forms), np.int64, len(self.forms))
        self.order = np.argsort(lengths, kind="stable")
        self.sorted_forms = [self.forms[at] for at in self.order.tolist()]
        self.lengths = lengths[self.order]

    def by_fuzzywuzzy(self, query: str, cutoff: int) -> Ten:
        """The ten best of all labels, each scored by fuzzywuzzy."""
        scores = [self.scorer.score(query, form) if form else 0 for form in self.forms]
        found = [(-score, int(self.ranks[at]), at) for at, score in enumerate(scores)]
        best = sorted(row for row in found if -row[0] >= cutoff)[:10]
        return [(at, -score) for score, _, at in best]

    def by_rapidfuzz(self, query: str, cutoff: int) -> Ten:
        """The ten best of all labels, each scored by rapidfuzz's WRatio and the best by fuzzywuzzy.

        rapidfuzz's parts are never below fuzzywuzzy's; fuzzywuzzy rounds each part and the whole to
        integers, which adds less than one. Of labels of another length (1.5 times or more) only
        those are scored that have nearly all of the shorter string in common, in order: parts
        count 0.9 there, and less than all of a part does not reach a cutoff of 90.
        """
        size = len(query)
        low = int(np.searchsorted(self.lengths, size / NEAR, side="right"))
        high = int(np.searchsorted(self.lengths, size * NEAR))
        near = np.arange(low, high)
        far = [
            at
            for first, last in (
                (int(np.searchsorted(self.lengths, 1)), low),
                (high, len(self.forms)),
            )
            for at in self._common(query, first, last)
        ]
        found: list[tuple[int, int, int]] = []
        for places, most in ((near, 100), (np.array(far, np.int64), 90)):
            forms = [self.sorted_forms[at] for at in places.tolist()]
            if not forms:
                continue
            scores = cdist([query], forms, scorer=fast.WRatio, score_cutoff=cutoff - 1)[0]
            reached = np.flatnonzero(scores >= cutoff - 1)
            bounds = np.minimum(np.floor(scores[reached] + 1), most).astype(int)
            labels = self.order[places[reached]]
            rows = zip(
                (-bounds).tolist(), self.ranks[labels].tolist(), labels.tolist(), strict=True
            )
            found += rows
        best: list[tuple[int, int, int]] = []
        for bound, rank, label in sorted(found):
            if len(best) == 10 and best[9][:2] < (bound, rank):
                break
            score = self.scorer.score(query, self.forms[label])
            if score >= cutoff:
                best = sorted([*best, (-score, rank, label)])[:10]
        return [(label, -score) for score, _, label in best]

    def _common(self, query: str, first: int, last: int) -> list[int]:
        """The labels from `first` to `last`, by length, that may hold a part of score 100."""
        if first >= last:
            return []
        common = cdist([query], self.sorted_forms[first:last], scorer=LCSseq.similarity)[0]
        shorter = np.minimum(self.lengths[first:last], len(query))
        longer = np.maximum(self.lengths[first:last], len(query))
        near = np.flatnonzero((common >= 0.99 * shorter - 1e-6) & (longer <= FAR * shorter))
        return (near + first).tolist()


_LABELS: Labels | None = None


def _scan(task: tuple[str, str, int]) -> Ten:
    assert _LABELS is not None
    method, query, cutoff = task
    ten: Ten = getattr(_LABELS, method)(query, cutoff)
    return ten


def scan_all(labels: Labels, method: str, queries: Sequence[str], cutoff: int) -> list[Ten]:
    """`labels.METHOD` of every query, on all cores; forked, so that no label is copied."""
    global _LABELS
    _LABELS = labels
    with ProcessPoolExecutor(os.cpu_count(), get_context("fork")) as pool:
        return list(pool.map(_scan, [(method, query, cutoff) for query in queries], chunksize=4))
