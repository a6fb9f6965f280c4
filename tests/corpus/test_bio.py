"""BIO labels, counted by hand and against a literal reading."""

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.corpus.bio import accepted_labels, opened, orphans, split_label, type_changes


def test_labels_with_a_hyphen_in_the_type() -> None:
    assert split_label("B-GEO-LOC") == ("B", "GEO-LOC")
    assert split_label("O") == ("O", "")


def test_accepted_labels_are_renamed_once() -> None:
    accepted = accepted_labels(["PER", "OTHER"], {"MISC": "OTHER", "PER": "OTHER"})
    assert accepted == {
        "O": "O",
        "B-PER": "B-OTHER",
        "I-PER": "I-OTHER",
        "B-OTHER": "B-OTHER",
        "I-OTHER": "I-OTHER",
        "B-MISC": "B-OTHER",
        "I-MISC": "I-OTHER",
    }


def test_counts_by_hand() -> None:
    labels = ["I-PER", "I-PER", "O", "I-LOC", "B-PER", "I-PER", "I-LOC", "I-PER", "B-LOC"]
    assert orphans(labels) == [0, 3]
    assert type_changes(labels) == [6, 7]
    assert opened(labels) == ["PER", "LOC"]


@settings(deadline=None)
@given(st.lists(st.sampled_from(["O", "B-A", "I-A", "B-BA", "I-BA"]), max_size=12))
def test_every_inside_label_goes_on_is_an_orphan_or_changes_type(labels: list[str]) -> None:
    goes_on = {
        at
        for at in range(1, len(labels))
        if labels[at].startswith("I") and labels[at - 1][2:] == labels[at][2:]
    }
    inside = {at for at, label in enumerate(labels) if label.startswith("I")}
    parts = [set(orphans(labels)), set(type_changes(labels)), goes_on]
    assert set.union(*parts) == inside
    assert sum(map(len, parts)) == len(inside)
