"""Word, character and label vocabularies."""

from typing import Literal

from pydantic import Field

from pipeline.params.block import Block

Split = Literal["train", "dev", "test"]


class Normalize(Block):
    """How a word is changed before it is looked up; its characters stay as they are."""

    lowercase: bool
    urls: bool  # every URL is one word
    users: bool  # every @mention is one word
    digits: bool  # every digit is 0


class Vocab(Block):
    """Word, character and label vocabularies."""

    splits: list[Split]
    min_count: int = Field(ge=1)  # rarer words are unknown; characters are all kept
    normalize: Normalize
