"""Candidates are those of scoring every label with fuzzywuzzy, whatever scorer and cutoff."""

from __future__ import annotations

import string
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import PipelineError
from pipeline.knowledge.graph.graph import rank_entities
from pipeline.knowledge.labels.candidates import Candidate, find_candidates
from pipeline.knowledge.labels.index import LabelIndex, build_index
from pipeline.knowledge.labels.index_tables import read_index, write_index
from pipeline.knowledge.labels.scorers import SCORERS, find_scorer

NAMES = [
    "Kobe Bryant", "Kobe (city)", "KOBE", "Kobe beef", "Bryant, Kobe", "Jacob", "E!", "x", "é",
    "New York", "New York, New York", "york new", "Newark", "St. Louis", "St Louis  Blues", "Saint",
    "The The", "the", "😀", "日本", "Straße 9", "a_b", "St. Louis Cardinals (baseball club)",
    "University of California, Berkeley", "Berkeley University, California", "1984", "1985", "A",
]  # fmt: skip
QUERIES = ["Kobe", "new york", "York New York", "St Louis", "#KobeBryant", "e", "it", "", "😀", "9"]


@cache
def index_of(names: tuple[str, ...], scorer: str) -> tuple[LabelIndex, np.ndarray]:
    entities = np.arange(len(names)) * 2 // 3  # some entities have two names
    degrees = np.random.default_rng(len(names)).integers(0, 3, len(names))
    return build_index(names, entities, degrees, find_scorer(scorer)), entities


def scan(names: tuple[str, ...], scorer: str, query: str, cutoff: int, best: int) -> list[object]:
    """Every label scored: what the index must give."""
    index, entities = index_of(names, scorer)
    score = find_scorer(scorer)
    form = score.form(query)
    found: dict[int, int] = {}
    for name, entity in zip(names, entities.tolist(), strict=True):
        if form and score.form(name):
            found[entity] = max(found.get(entity, 0), score.score(form, score.form(name)))
    reached = [entity for entity in found if found[entity] >= cutoff]
    reached.sort(key=lambda entity: (-found[entity], index.ranks[entity]))
    return [(entity, found[entity]) for entity in reached[:best]]


def looked_up(
    names: tuple[str, ...], scorer: str, query: str, cutoff: int, best: int
) -> list[object]:
    index, _ = index_of(names, scorer)
    found = find_candidates(index, find_scorer(scorer), query, cutoff, best)
    return [(candidate.entity, candidate.score) for candidate in found]


@pytest.mark.parametrize("scorer", sorted(SCORERS))
@pytest.mark.parametrize("cutoff", [60, 90])
def test_awkward_names(scorer: str, cutoff: int) -> None:
    for query in QUERIES:
        wanted = scan(tuple(NAMES), scorer, query, cutoff, 3)
        assert looked_up(tuple(NAMES), scorer, query, cutoff, 3) == wanted, query


WORDS = st.text("aabkoex ", min_size=1, max_size=6)
LABELS = st.lists(st.lists(WORDS, max_size=4).map(" ".join), min_size=1, max_size=12)


@settings(max_examples=120, deadline=None)
@given(LABELS, st.lists(WORDS, max_size=3).map(" ".join), st.integers(1, 100), st.integers(1, 4))
def test_any_names_any_cutoff(names: list[str], query: str, cutoff: int, best: int) -> None:
    for scorer in ("WRatio", "token_set_ratio", "partial_ratio"):
        wanted = scan(tuple(names), scorer, query, cutoff, best)
        assert looked_up(tuple(names), scorer, query, cutoff, best) == wanted


def test_the_names_of_freebase(shared_data: Path) -> None:
    lines = (shared_data / "fb15k237" / "entity2text.txt").read_text("utf-8").splitlines()
    names = tuple(line.split("\t")[1] for line in lines[::50])
    for query in [*names[::60], "Lincoln", "Los Angeles Dodgers fans"]:
        assert looked_up(names, "WRatio", query, 90, 10) == scan(names, "WRatio", query, 90, 10)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(SCORERS)), LABELS, WORDS)
def test_bounds_are_never_below_the_scores(scorer: str, names: list[str], query: str) -> None:
    score = find_scorer(scorer)
    forms = [form for form in map(score.form, names) if form]
    form = score.form(query)
    if not forms or not form:
        return
    bounds = score.bounds(form, forms, 1)
    assert all(
        bound >= score.score(form, label) for bound, label in zip(bounds, forms, strict=True)
    )


def test_long_names_are_compared_too() -> None:
    """Above 100 characters a partial score of 100 is no containment."""
    letters = string.ascii_lowercase * 12
    names = (letters[:160], letters[:159] + "?", "abc " * 60, letters[:101], "z", letters[5:130])
    for query in (letters[:250], letters[2:110], "abc " * 90, "word " * 100):
        assert looked_up(names, "WRatio", query, 90, 5) == scan(names, "WRatio", query, 90, 5)


def test_equal_names_go_by_degree_then_number() -> None:
    names = ["Paris", "paris!", "Paris", "Pari"]
    index = build_index(names, np.arange(4), np.array([1, 5, 5, 9]), find_scorer("WRatio"))
    found = find_candidates(index, find_scorer("WRatio"), "Paris", 90, 2)
    assert found == [Candidate(1, 100, "paris"), Candidate(2, 100, "paris")]
    assert rank_entities(np.array([1, 5, 5, 9])).tolist() == [3, 1, 2, 0]


def test_a_mention_without_a_letter_has_no_candidates() -> None:
    assert looked_up(tuple(NAMES), "WRatio", "😀 ...", 1, 5) == []


def test_an_index_of_nothing_finds_nothing() -> None:
    index = build_index(["!"], np.zeros(1, int), np.zeros(1, int), find_scorer("WRatio"))
    assert find_candidates(index, find_scorer("WRatio"), "a", 1, 5) == []


def test_an_unknown_scorer_is_refused() -> None:
    with pytest.raises(PipelineError, match="no 'wratio'; known: QRatio"):
        find_scorer("wratio")


def test_the_tables_read_back(tmp_path: Path) -> None:
    index, _ = index_of(tuple(NAMES), "WRatio")
    write_index(index, tmp_path / "a")
    again = read_index(tmp_path / "a")
    write_index(again, tmp_path / "b")
    for path in sorted((tmp_path / "a").iterdir()):
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    for query in QUERIES:
        assert find_candidates(again, find_scorer("WRatio"), query, 80, 5) == find_candidates(
            index, find_scorer("WRatio"), query, 80, 5
        )
