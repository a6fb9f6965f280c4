"""What two results must share before their scores can be compared: the setting of a training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.params.mentions import GOLD


@dataclass(frozen=True)
class Setting:
    """A training as far as papers and runs differ in it, in words for a reader.

    The facts of a cache are those of its feature store (`backbone`) or of its table of phrases
    (`PhraseTable.facts`: also `segmenter`, or `graph` and `mentions`).
    """

    preset: str
    optimizer: str  # its name and rate
    vectors: Mapping[str, int]  # source -> width; none: random vectors
    caches: Mapping[str, Mapping[str, str]]  # cache -> its facts

    @property
    def caution(self) -> str:
        """What has to stand beside every score of this setting; mostly nothing."""
        sources = {facts.get("mentions") for facts in self.caches.values()}
        return GOLD if "gold" in sources else ""

    def to_dict(self) -> dict[str, Any]:
        """The setting as a tree for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, tree: Mapping[str, Any]) -> Setting:
        """Read what `to_dict` gave.

        Raises:
            TypeError: for a tree with other keys.
        """
        return cls(**tree)
