"""Which types a system takes for which: entities of equal borders, and those of one side alone."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.metrics.spans import Span

NONE = "—"  # no entity with these borders


def confusions(
    gold: Sequence[Sequence[Span]], found: Sequence[Sequence[Span]]
) -> list[tuple[str, str]]:
    """The gold and the predicted type of each pair of borders that either of the two has.

    Args:
        gold: the entities of each post.
        found: those that a system found there.
    """
    pairs = []
    for wanted, predicted in zip(gold, found, strict=True):
        types = [{(s.start, s.end): s.type for s in spans} for spans in (wanted, predicted)]
        pairs += [
            (types[0].get(borders, NONE), types[1].get(borders, NONE))
            for borders in sorted(types[0] | types[1])
        ]
    return pairs
