"""Entities as spans of a label sequence, under the readings of malformed BIO that the field uses.

Labels are `O`, `B-TYPE` and `I-TYPE`. Real corpora hold I- labels that follow O or another type,
and taggers without a constrained decoder predict them; the three readings differ in these alone.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

from pipeline.errors import PipelineError

Reading = Literal["strict", "lenient", "segmentation"]


class Span(NamedTuple):
    """The tokens `start` to `end` - 1 of a post, and the entity's type ("" where untyped)."""

    start: int
    end: int
    type: str


@functools.lru_cache(maxsize=1024)
def split_label(label: str) -> tuple[str, str]:
    """`B-PER` -> ("B", "PER"), `O` -> ("O", "").

    Raises:
        PipelineError: for anything else: other schemes (IOBES), a type that is empty.
    """
    prefix, _, kind = label.partition("-")
    if label == "O" or (prefix in ("B", "I") and kind):
        return prefix, kind
    raise PipelineError(f"label {label!r}: expected O, B-TYPE or I-TYPE")


def strict_spans(labels: Sequence[str]) -> list[Span]:
    """The entities that open at a B-: the headline reading.

    An I- continues the entity that stands open directly before it if the types agree; every other
    I- is outside, as if it were O. This reading alone gives the published numbers of entities of
    Twitter2015 (Zhang et al. 2018, Table 1: 6176, 1546, 5078).
    """
    return _spans(labels, opening=("B",))


def lenient_spans(labels: Sequence[str]) -> list[Span]:
    """The entities as conlleval counts them (Tjong Kim Sang and Buchholz 2000).

    An I- that continues no open entity of its type opens one itself.
    """
    return _spans(labels, opening=("B", "I"))


def segments(labels: Sequence[str]) -> list[Span]:
    """The strict spans with every type dropped: the borders alone count."""
    return [span._replace(type="") for span in strict_spans(labels)]


READINGS: Mapping[Reading, Callable[[Sequence[str]], list[Span]]] = {
    "strict": strict_spans,
    "lenient": lenient_spans,
    "segmentation": segments,
}


def _spans(labels: Sequence[str], opening: tuple[str, ...]) -> list[Span]:
    spans: list[Span] = []
    start, open_type = 0, ""  # "": no entity stands open
    for position, label in enumerate(labels):
        prefix, kind = split_label(label)
        if prefix == "I" and kind == open_type:
            continue
        if open_type:
            spans.append(Span(start, position, open_type))
        start, open_type = position, kind if prefix in opening else ""
    if open_type:
        spans.append(Span(start, len(labels), open_type))
    return spans
