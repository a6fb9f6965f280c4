"""BIO labels: `O`, `B-TYPE` opens an entity, `I-TYPE` goes on with it.

Read strictly, an entity opens at `B-` alone, which is the reading that gives the published
entity counts of Twitter2015. An `I-` that continues nothing, or an entity of another type, is
counted, never mended: the labels stay as the annotators left them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pipeline.params.block import nearest
from pipeline.params.prepare import Prepare

OUTSIDE = "O"
UNTYPED = "ENTITY"  # the one type of labels that lost theirs


def split_label(label: str) -> tuple[str, str]:
    """Split a label into prefix and type: `B-PER` is ("B", "PER"), `O` is ("O", "")."""
    prefix, _, entity_type = label.partition("-")
    return prefix, entity_type


def accepted_labels(types: Iterable[str], rename: Mapping[str, str]) -> dict[str, str]:
    """Map every label that a file may hold to what it becomes when its type is renamed."""
    known = {entity_type: entity_type for entity_type in types} | dict(rename)
    accepted = {OUTSIDE: OUTSIDE}
    for found, kept in known.items():
        accepted |= {f"{prefix}-{found}": f"{prefix}-{kept}" for prefix in "BI"}
    return accepted


def types_of(params: Prepare) -> list[str]:
    """The types that posts have once they are prepared."""
    return [UNTYPED] if params.untyped else params.entity_types


def refusal(label: str, accepted: Iterable[str]) -> str:
    """Say why `label` is not among the `accepted` ones, and what to do about it."""
    accepted = sorted(accepted)
    prefix, entity_type = split_label(label)
    if prefix not in ("B", "I") or not entity_type:
        hint = _nearest(label, accepted)
        return f"label {label!r} is not O, B-TYPE or I-TYPE{hint}"
    types = sorted({split_label(known)[1] for known in accepted if known != OUTSIDE})
    hint = _nearest(entity_type, types)
    return (
        f"unknown entity type {entity_type!r}{hint}; known: {', '.join(types)};"
        " correct the label, or add the type to `entity_types` or `rename` of `prepare`"
    )


def without_type(label: str) -> str:
    """The label with `UNTYPED` in place of its type; `O` stays."""
    return label if label == OUTSIDE else f"{split_label(label)[0]}-{UNTYPED}"


def opened(labels: Sequence[str]) -> list[str]:
    """The types of the entities in `labels`, one for each `B-`."""
    return [split_label(label)[1] for label in labels if label.startswith("B-")]


def orphans(labels: Sequence[str]) -> list[int]:
    """The positions at which an `I-` follows `O` or begins the post."""
    return [at for at, before, label in _steps(labels) if label[0] == "I" and before == OUTSIDE]


def type_changes(labels: Sequence[str]) -> list[int]:
    """The positions at which an `I-` follows a label of another type."""
    return [
        at
        for at, before, label in _steps(labels)
        if label[0] == "I" and before != OUTSIDE and split_label(before)[1] != split_label(label)[1]
    ]


def _steps(labels: Sequence[str]) -> Iterable[tuple[int, str, str]]:
    """Yield position, label before and label for each label; `O` stands before the first."""
    return zip(range(len(labels)), [OUTSIDE, *labels], labels, strict=False)


def _nearest(name: str, known: Sequence[str]) -> str:
    """`nearest`, where upper and lower case do not count."""
    spellings = (name, name.upper(), name.lower())
    return next((hint for spelling in spellings if (hint := nearest(spelling, known))), "")
