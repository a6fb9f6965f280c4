"""The nodes of a graph, and what they are called: three columns that read as a sequence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

import pyarrow as pa

CHUNK = 100_000  # entities made at a time


@dataclass(frozen=True, slots=True)
class Entity:
    """A node.

    Attributes:
        name: its IRI, or what else the files call it.
        label: what it is called; None where the files give no label.
        aliases: what else it is called.
    """

    name: str
    label: str | None
    aliases: tuple[str, ...]

    @property
    def text(self) -> str:
        """What to call it in words: its label, or else the end of its name."""
        return self.label or local_name(self.name)


@dataclass(frozen=True)
class Entities:
    """Entities by number.

    Attributes:
        names: (n,) strings.
        labels: (n,) strings, null where an entity has none.
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
    """What follows the last `/` or `#` of an IRI, in words: `.../New_York` -> New York."""
    parts = [part for part in re.split(r"[/#]", name) if part]
    return unquote(parts[-1]).replace("_", " ").strip() or name if parts else name
