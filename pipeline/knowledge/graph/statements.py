"""Statements as readers of triples hand them on: some at a time, with their names as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.knowledge.graph.names import Names


@dataclass(frozen=True)
class Texts:
    """Texts that name entities, in the order of the files.

    Attributes:
        owners: (m,) int32, the numbers of the entities' names.
        texts: (m,) strings without space at their ends; an empty one names nothing.
        labels: (m,) bool, whether a text may be a label; the first such text of an entity is.
    """

    owners: np.ndarray
    texts: pa.StringArray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.owners)

    def take(self, rows: np.ndarray) -> Texts:
        """Some rows (n,)."""
        return Texts(self.owners[rows], self.texts.take(pa.array(rows)), self.labels[rows])


NO_TEXTS = Texts(np.empty(0, np.int32), pa.array([], pa.string()), np.empty(0, bool))


def join_texts(parts: Sequence[Texts]) -> Texts:
    """Texts of several parts, one after the other."""
    parts = [NO_TEXTS, *parts]
    return Texts(
        np.concatenate([part.owners for part in parts]),
        pa.concat_arrays([part.texts for part in parts]),
        np.concatenate([part.labels for part in parts]),
    )


def name_all(
    entities: Sequence[str], texts: Sequence[str], labels: Sequence[bool], names: Names
) -> Texts:
    """Texts from three columns (m,), the entities' names numbered by `names`."""
    return Texts(names.encode(entities), stripped(texts), np.array(labels, bool))


def stripped(texts: Sequence[str]) -> pa.StringArray:
    """Texts as a column, without space at their ends."""
    return pa.array([text.strip() for text in texts], pa.string())


@dataclass(frozen=True)
class Statements:
    """The statements of some lines, without the literals that name nothing.

    Attributes:
        links: (n, 3) int32 numbers of the names of subject, relation and object, in the order of
            the file.
        texts: the literals that name an entity, in the order of the file.
        count: how many statements there were in all.
        aside: how many of them were literals of relations that name nothing.
    """

    links: np.ndarray
    texts: Texts
    count: int
    aside: int
