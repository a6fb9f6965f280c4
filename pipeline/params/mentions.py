"""Which words of a post may name an entity."""

from typing import Literal

from pydantic import Field

from pipeline.params.block import Block

# What every report on `source: gold` says, since such mentions give away what is to be found.
GOLD = "GOLD MENTIONS: read off the labels, for analysis only; scores made with them do not count"


class Mentions(Block):
    """Which words of a post may name an entity."""

    source: Literal["tagger", "ngrams", "gold"]  # gold: for analysis only
    longest: int = Field(ge=1)  # an n-gram has at most so many words
