"""The nodes of a graph with their names: three columns that read as a sequence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

import pyarrow as pa

CHUNK = 100_000  # so many entities are made at a time


@dataclass(frozen=True, slots=True)
class Entity:
    """A node.

    Attributes:
        name: its IRI, or the name that the files give it.
        label: its label; None if the files give none.
        aliases: its other names.
    """

    name: str
    label: str | None
    aliases: tuple[str, ...]

    @property
    def text(self) -> str:
        """Its name in words: the label, or else the end of the name."""
        return self.label or local_name(self.name)


@dataclass(frozen=True)
class Entities:
    """Entities by number.

    Attributes:
        names: (n,) strings.
        labels: (n,) strings, null for an entity without one.
        aliases: (n,) lists of strings.
    """

    names: pa.StringArray
    labels: pa.StringArray
    aliases: pa.ListArray

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, number: int) -> Entity:
        name, label, aliases = (
            column[number].as_py() for column in (self.names, self.labels, self.aliases)
        )
        return Entity(name, label, tuple(aliases))

    def __iter__(self) -> Iterator[Entity]:
        for first in range(0, len(self), CHUNK):
            columns = (
                column.slice(first, CHUNK).to_pylist()
                for column in (self.names, self.labels, self.aliases)
            )
            for name, label, aliases in zip(*columns, strict=True):
                yield Entity(name, label, tuple(aliases))

    @property
    def unlabelled(self) -> int:
        """How many have no label."""
        return int(self.labels.null_count)

    @property
    def texts(self) -> int:
        """How many labels and aliases there are."""
        return len(self) - self.unlabelled + len(self.aliases.flatten())


def local_name(name: str) -> str:
    """The end of an IRI after its last `/` or `#`, in words: `.../New_York` -> New York."""
    parts = [part for part in re.split(r"[/#]", name) if part]
    return unquote(parts[-1]).replace("_", " ").strip() or name if parts else name
