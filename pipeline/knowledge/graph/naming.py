"""Labels and aliases of entities, from the texts that name them and from redirects to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from pipeline.knowledge.graph.columns import lists
from pipeline.knowledge.graph.entities import local_name
from pipeline.knowledge.graph.statements import Texts, join_texts


def resolve(redirects: Mapping[int, int]) -> tuple[dict[int, int], int]:
    """Where each redirected number leads in the end, and how many lead into a circle."""
    final: dict[int, int] = {}
    circles = 0
    for start in redirects:
        at, seen = start, {start}
        while at in redirects and redirects[at] not in seen:
            at = redirects[at]
            seen.add(at)
        if at in redirects:  # it came back to itself: such names stay entities of their own
            circles += 1
        else:
            final[start] = at
    return final, circles


def labels_and_aliases(
    given: Texts, targets: Mapping[int, int], names: pa.StringArray, kept: np.ndarray
) -> tuple[pa.StringArray, pa.ListArray]:
    """The columns of labels (null for an entity without one) and of lists of aliases.

    An entity's aliases are its other texts as they were given; then, for each name that redirects
    to it, in the order of `targets`, that name's label (or else the end of the name) and its other
    texts. Each is kept once, and none that is the label too.

    Args:
        given: the texts; none is empty.
        targets: where each redirected number leads.
        names: (n,) the names of all numbers.
        kept: (k,) the numbers that stay entities, in the order of the rows.
    """
    label_rows = _first_labels(given, len(names))
    given, label_rows = _with_redirected(given, label_rows, list(targets), names)
    rank = np.zeros(len(names), np.int64)  # 0 for an entity itself, then its redirects
    rank[list(targets)] = np.arange(1, len(targets) + 1)
    place = np.full(len(names), -1)
    place[kept] = np.arange(len(kept))
    place[list(targets)] = place[list(targets.values())]  # (n,) row of the entity
    coded = given.texts.dictionary_encode()
    codes = np.asarray(coded.indices).astype(np.int64)  # (m,) equal for equal texts
    is_label = np.zeros(len(codes), bool)
    is_label[label_rows[label_rows >= 0]] = True
    own = rank[given.owners] == 0
    order = np.lexsort((~is_label, rank[given.owners], place[given.owners]))
    order = order[~(is_label & own)[order]]
    keys = place[given.owners] * max(len(coded.dictionary), 1) + codes  # (m,) entity and text
    order = order[~np.isin(keys[order], keys[is_label & own])]
    order = order[np.sort(np.unique(keys[order], return_index=True)[1])]
    counts = np.bincount(place[given.owners[order]], minlength=len(kept))
    starts = np.concatenate([[0], np.cumsum(counts)])
    chosen = label_rows[kept]
    labels = given.texts.take(pa.array(chosen, mask=chosen < 0))
    return labels, lists(starts, given.texts.take(pa.array(order)), pa.string())


def _first_labels(given: Texts, count: int) -> np.ndarray:
    """The row (n,) that is the label of each number; -1 without one."""
    candidates = np.flatnonzero(given.labels)
    owners, first = np.unique(given.owners[candidates], return_index=True)
    rows = np.full(count, -1)
    rows[owners] = candidates[first]
    return rows


def _with_redirected(
    given: Texts, label_rows: np.ndarray, redirected: Sequence[int], names: pa.StringArray
) -> tuple[Texts, np.ndarray]:
    """The texts, and for each redirected name without a label the end of the name as its label."""
    nameless = np.array([number for number in redirected if label_rows[number] < 0], np.int32)
    ends = [local_name(name) for name in names.take(pa.array(nameless)).to_pylist()]
    label_rows[nameless] = np.arange(len(given), len(given) + len(ends))
    theirs = Texts(nameless, pa.array(ends, pa.string()), np.ones(len(ends), bool))
    return join_texts([given, theirs]), label_rows
