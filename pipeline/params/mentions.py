"""Which words of a post may name an entity."""

from typing import Literal

from pydantic import Field

from pipeline.params.block import Block


class Mentions(Block):
    """Which words of a post may name an entity."""

    source: Literal["tagger", "ngrams", "gold"] = "tagger"  # gold: for analysis only
    longest: int = Field(4, ge=1)  # words of an n-gram
