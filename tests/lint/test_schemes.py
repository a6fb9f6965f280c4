"""Schemes: labels written from entities in each one come back as BIO, and the scheme is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.lint.schemes import scheme_of, to_bio

# What the tokens of an entity begin with: a single one, or the first, one between, and the last.
PREFIXES = {"BIO": "BBII", "BIOES": "SBIE", "BILOU": "UBIL", "BMES": "SBME", "IO": "IIII"}
# The gap before an entity, its length, its type.
ENTITIES = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 3), st.sampled_from("XY")), min_size=1, max_size=6
)


def written(entities: list[tuple[int, int, str]], scheme: str) -> list[str]:
    labels: list[str] = []
    for gap, length, kind in entities:
        labels += ["O"] * gap
        single, first, between, last = PREFIXES.get(scheme, "IIII")
        own = [single] if length == 1 else [first, *between * (length - 2), last]
        if scheme == "IOB1" and labels and labels[-1].endswith(f"-{kind}"):
            own[0] = "B"
        labels += [f"{prefix}-{kind}" for prefix in own]
    return labels


@given(ENTITIES, st.sampled_from(["BIO", "BIOES", "BILOU", "BMES", "IOB1"]))
def test_every_scheme_becomes_bio(entities: list[tuple[int, int, str]], scheme: str) -> None:
    assert to_bio(written(entities, scheme), scheme) == written(entities, "BIO")


@given(ENTITIES)
def test_io_knows_no_border_between_neighbours(entities: list[tuple[int, int, str]]) -> None:
    apart = [(gap + 1, length, kind) for gap, length, kind in entities]
    assert to_bio(written(apart, "IO"), "IO") == written(apart, "BIO")


@pytest.mark.parametrize(
    ("labels", "scheme"),
    [
        ("B-X I-X O B-Y", "BIO"),
        ("B-X I-X O I-Y B-X", "BIO"),  # an orphan, as the published corpora have them
        ("I-X O I-Y B-Y", "IOB1"),
        ("I-X O I-Y", "IO"),
        ("B-X E-X S-Y", "BIOES"),
        ("B-X L-X U-Y", "BILOU"),
        ("B-X M-X E-X S-Y", "BMES"),
        ("O O", "BIO"),
    ],
)
def test_a_scheme_is_named(labels: str, scheme: str) -> None:
    assert scheme_of([labels.split()]) == scheme
