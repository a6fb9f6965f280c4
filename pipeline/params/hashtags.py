"""How hashtags become words."""

from typing import Literal

from pydantic import Field

from pipeline.params.block import Block


class Hashtags(Block):
    """How hashtags become words."""

    segmenter: Literal["neural", "wordsegment", "camel"]
    max_characters: int = Field(ge=1)  # a longer hashtag is kept as one word, and counted
