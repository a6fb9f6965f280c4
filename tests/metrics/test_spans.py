"""The three readings of malformed BIO, against slow forms and published counts."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PipelineError
from pipeline.metrics.spans import Span, lenient_spans, segments, split_label, strict_spans

TWITTER2015 = Path(__file__).parents[3] / "shared" / "data" / "twitter2015"

# labels, strict spans, lenient spans; P and L are types, "start-end type" joined by commas
TABLE = [
    ("", "", ""),
    ("O O", "", ""),
    ("B-P", "0-1P", "0-1P"),
    ("B-P I-P I-P O", "0-3P", "0-3P"),
    ("O B-P I-P", "1-3P", "1-3P"),  # an entity open at the end
    ("B-P B-P", "0-1P,1-2P", "0-1P,1-2P"),  # a B- always closes and opens
    ("B-P I-P B-P I-P", "0-2P,2-4P", "0-2P,2-4P"),
    ("B-P B-L I-L", "0-1P,1-3L", "0-1P,1-3L"),
    ("O I-P O", "", "1-2P"),  # an orphan
    ("I-P", "", "0-1P"),
    ("I-P I-P", "", "0-2P"),
    ("I-P I-L", "", "0-1P,1-2L"),
    ("B-P I-L", "0-1P", "0-1P,1-2L"),  # a change of type
    ("B-P I-L I-L I-P", "0-1P", "0-1P,1-3L,3-4P"),  # and back: the first is closed for good
    ("B-P O I-P", "0-1P", "0-1P,2-3P"),  # O closes
    ("I-P B-P I-P", "1-3P", "0-1P,1-3P"),
    ("B-P-X I-P-X", "0-2P-X", "0-2P-X"),  # a hyphen in the name of a type
]


def parse(spans: str) -> list[Span]:
    borders = [(span.split("-", 1)[0], span.split("-", 1)[1]) for span in spans.split(",") if span]
    return [Span(int(start), int(rest[0]), rest[1:]) for start, rest in borders]


@pytest.mark.parametrize(("labels", "strict", "lenient"), TABLE)
def test_table(labels: str, strict: str, lenient: str) -> None:
    assert strict_spans(labels.split()) == parse(strict)
    assert lenient_spans(labels.split()) == parse(lenient)


def slow_strict(labels: list[str]) -> set[tuple[int, int, str]]:
    """Every window that a B- opens, that its I- fill, and that cannot be longer."""
    found = set()
    for start in range(len(labels)):
        for end in range(start + 1, len(labels) + 1):
            kind = labels[start][2:]
            whole = labels[start] == f"B-{kind}" and labels[start] != "O"
            whole = whole and all(label == f"I-{kind}" for label in labels[start + 1 : end])
            if whole and (end == len(labels) or labels[end] != f"I-{kind}"):
                found.add((start, end, kind))
    return found


def conlleval(labels: list[str]) -> set[tuple[int, int, str]]:
    """The chunk borders of the conlleval script, its two tests on neighbouring tags as written."""
    found = set()
    previous_tag, previous_type, start = "O", "", -1
    for position, label in enumerate([*labels, "O"]):
        tag, kind = (label[0], label[2:]) if label != "O" else ("O", "")
        ends = (previous_tag, tag) in {("B", "B"), ("B", "O"), ("I", "B"), ("I", "O")}
        ends = ends or (previous_tag != "O" and previous_type != kind)
        starts = (previous_tag, tag) in {("B", "B"), ("I", "B"), ("O", "B"), ("O", "I")}
        starts = starts or (tag != "O" and previous_type != kind)
        if ends:
            found.add((start, position, previous_type))
        if starts:
            start = position
        previous_tag, previous_type = tag, kind
    return found


any_labels = st.lists(st.sampled_from(["O", "B-P", "I-P", "B-L", "I-L"]), max_size=12)


@given(any_labels)
def test_slow_forms(labels: list[str]) -> None:
    assert set(strict_spans(labels)) == slow_strict(labels)
    assert set(lenient_spans(labels)) == conlleval(labels)
    assert [span[:2] for span in segments(labels)] == [span[:2] for span in strict_spans(labels)]
    assert {span.type for span in segments(labels)} <= {""}


@given(any_labels)
def test_well_formed_labels_leave_no_choice(labels: list[str]) -> None:
    """Written anew from any spans, the labels have the same strict and lenient spans."""
    for spans in (strict_spans(labels), lenient_spans(labels)):
        clean = ["O"] * len(labels)
        for start, end, kind in spans:
            clean[start:end] = [f"B-{kind}", *[f"I-{kind}"] * (end - start - 1)]
        assert strict_spans(clean) == lenient_spans(clean) == spans


@pytest.mark.parametrize("label", ["", "PER", "B", "B-", "I-", "S-PER", "O-PER", "b-PER", "o", "-"])
def test_other_labels_are_refused(label: str) -> None:
    with pytest.raises(PipelineError, match="expected O, B-TYPE or I-TYPE"):
        strict_spans(["O", label])
    with pytest.raises(PipelineError):
        split_label(label)


@pytest.mark.skipif(not TWITTER2015.is_dir(), reason=f"{TWITTER2015} is not here")
@pytest.mark.parametrize(
    ("split", "posts", "strict", "orphans", "initial", "changes"),
    [
        ("train", 4000, 6176, 173, 3, 11),
        ("dev", 1000, 1546, 51, 2, 1),
        ("test", 3257, 5078, 128, 3, 6),
    ],
)
def test_published_counts(
    split: str, posts: int, strict: int, orphans: int, initial: int, changes: int
) -> None:
    text = (TWITTER2015 / f"{split}.txt").read_text(encoding="utf-8")
    blocks = [block.split("\n") for block in text.split("\n\n") if block]
    sequences = [[line.rsplit("\t", 1)[1] for line in block[1:] if line] for block in blocks]
    assert len(sequences) == posts
    assert sum(len(strict_spans(labels)) for labels in sequences) == strict
    assert sum(len(segments(labels)) for labels in sequences) == strict
    # what the readings differ in: I- after O, at the start of a post, and of another type
    pairs = [pair for labels in sequences for pair in itertools.pairwise(labels)]
    assert sum(before == "O" and label[0] == "I" for before, label in pairs) == orphans
    assert sum(labels[0][0] == "I" for labels in sequences) == initial
    closed = sum(label[0] == "I" and before[2:] != label[2:] for before, label in pairs)
    assert closed == orphans + changes
    assert sum(len(lenient_spans(labels)) for labels in sequences) == strict + closed + initial
