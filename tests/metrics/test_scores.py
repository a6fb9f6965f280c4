"""Scores against a slow form, worked examples, and the promise that no gold is ever left out."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.metrics.scores import Counts, Scores, aggregate, count, score, scores_from_dict
from pipeline.metrics.spans import READINGS

labels = st.sampled_from(["O", "O", "B-P", "I-P", "B-L", "I-L"])


@st.composite
def corpora(draw: st.DrawFn) -> tuple[list[list[str]], list[list[str]]]:
    """Gold and predicted labels of 0 to 6 posts; predictions may be shorter than the gold."""
    gold = draw(st.lists(st.lists(labels, max_size=8), max_size=6))
    predicted = [draw(st.lists(labels, max_size=len(post))) for post in gold]
    return gold, predicted


def one_by_one(gold: list[list[str]], predicted: list[list[str]], reading: str) -> dict[str, list]:
    """[correct, predicted, gold] by type, and under "all", counted span by span with padding."""
    spans_of = READINGS[reading]
    tallies: dict[str, list[int]] = {"all": [0, 0, 0]}
    for true, guess in zip(gold, predicted, strict=True):
        padded = guess + ["O"] * (len(true) - len(guess))
        for place, sequence in ((1, padded), (2, true)):
            for span in spans_of(sequence):
                for name in ("all", span.type):
                    tallies.setdefault(name, [0, 0, 0])[place] += 1
        for span in spans_of(padded):
            if any(span == other for other in spans_of(true)):
                for name in ("all", span.type):
                    tallies[name][0] += 1
    tallies.pop("", None)
    return tallies


@given(corpora())
def test_slow_form(corpus: tuple[list[list[str]], list[list[str]]]) -> None:
    scores = score(*corpus)
    for reading in READINGS:
        table = scores.table(reading)
        tallies = one_by_one(*corpus, reading)
        assert table.overall == Counts(*tallies.pop("all"))
        assert table.by_type == {name: Counts(*tally) for name, tally in tallies.items()}
        assert list(table.by_type) == sorted(table.by_type)
    assert scores.segmentation.by_type == {}
    assert scores_from_dict(json.loads(json.dumps(scores.to_dict()))) == scores


@given(corpora())
def test_gold_never_leaves_the_denominator(
    corpus: tuple[list[list[str]], list[list[str]]],
) -> None:
    gold, predicted = corpus
    nothing = score(gold, [[] for _ in gold])
    for reading in READINGS:
        entities = sum(len(READINGS[reading](post)) for post in gold)
        assert score(gold, predicted).table(reading).overall.gold == entities
        assert nothing.table(reading).overall == Counts(0, 0, entities)
        perfect = score(gold, gold).table(reading).overall
        assert perfect == Counts(entities, entities, entities)
        assert perfect.f1 == (100.0 if entities else 0.0)


def test_worked_example() -> None:
    gold = [["B-P", "I-P", "O", "B-L"], ["B-P"], ["I-P", "O"]]
    guess = [["B-P", "I-P", "O", "B-P"], ["O"], ["B-P", "O"]]
    scores = score(gold, guess)
    assert scores.strict.overall == Counts(correct=1, predicted=3, gold=3)
    assert scores.strict.by_type == {"L": Counts(0, 0, 1), "P": Counts(1, 3, 2)}
    assert scores.lenient.overall == Counts(correct=2, predicted=3, gold=4)
    assert scores.segmentation.overall == Counts(correct=2, predicted=3, gold=3)
    assert scores.to_dict()["strict"]["overall"] == {
        "precision": 33.33,
        "recall": 33.33,
        "f1": 33.33,
        "correct": 1,
        "predicted": 3,
        "gold": 3,
    }


@pytest.mark.parametrize(
    ("counts", "ratios"),
    [
        (Counts(0, 0, 0), (0, 0, 0)),
        (Counts(0, 0, 7), (0, 0, 0)),
        (Counts(0, 7, 0), (0, 0, 0)),
        (Counts(0, 7, 7), (0, 0, 0)),
        (Counts(3, 4, 6), (75, 50, 60)),
    ],
)
def test_division_by_zero(counts: Counts, ratios: tuple[float, float, float]) -> None:
    assert (counts.precision, counts.recall, counts.f1) == ratios


def test_a_truncated_prediction_closes_its_entity_at_the_cut() -> None:
    assert count(["B-P", "I-P"], ["B-P"], "strict") == {"P": Counts(0, 1, 1)}
    assert count(["B-P", "O", "B-L"], ["B-P"], "strict") == {
        "P": Counts(1, 1, 1),
        "L": Counts(0, 0, 1),
    }


def test_faults() -> None:
    with pytest.raises(ValueError, match="1 predicted sequences for 2 posts"):
        score([["O"], ["O"]], [["O"]])
    with pytest.raises(ValueError, match="2 predicted labels for a post of 1 tokens"):
        score([["O"]], [["O", "O"]])
    with pytest.raises(ValueError, match="no scores"):
        aggregate([])
    with pytest.raises(ValueError, match=r"different gold: \[0, 1\]"):
        aggregate([score([["O"]], [["O"]]), score([["B-P"]], [["O"]])])


def seeds() -> list[Scores]:
    gold = [["B-P", "B-P", "B-P", "B-P"]]
    return [
        score(gold, [["B-P", "B-P", "B-P", "B-P"]]),  # recall 100
        score(gold, [["B-P", "B-P", "O", "O"]]),  # recall 50
        score(gold, [["B-P", "O", "O", "B-L"]]),  # recall 25
    ]


def test_mean_and_sample_deviation() -> None:
    overall = aggregate(seeds()).strict.overall
    assert overall.recall.mean == pytest.approx(175 / 3)
    assert overall.recall.deviation == pytest.approx(
        math.sqrt(sum((r - 175 / 3) ** 2 for r in (100, 50, 25)) / 2)
    )
    assert overall.gold == 4
    assert overall.to_dict()["recall"] == {"mean": 58.33, "deviation": 38.19}


def test_a_type_that_one_seed_alone_predicts_counts_as_zero() -> None:
    by_type = aggregate(seeds()).strict.by_type
    assert list(by_type) == ["L", "P"]
    assert by_type["L"].gold == 0
    assert by_type["L"].f1.mean == 0


def test_one_seed_has_no_deviation() -> None:
    overall = aggregate(seeds()[:1]).strict.overall
    assert overall.f1.mean == 100
    assert overall.f1.deviation is None
    assert json.loads(json.dumps(overall.to_dict()))["f1"] == {"mean": 100.0, "deviation": None}


@pytest.mark.parametrize("fault", [{}, {"strict": {}}, {"strict": {"overall": {"correct": 1}}}])
def test_a_tree_of_another_shape_is_refused(fault: dict) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        scores_from_dict(fault)
