"""Which words of a post may name an entity."""

from typing import Literal

from pydantic import Field

from pipeline.params.block import Block


class Mentions(Block):
    """Which words of a post may name an entity."""

    source: Literal["tagger", "ngrams", "gold"]  # gold: for analysis only
    longest: int = Field(ge=1)  # an n-gram has at most so many words
