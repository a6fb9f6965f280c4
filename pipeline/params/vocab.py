"""Word, character and label vocabularies."""

from typing import Literal

from pydantic import Field

from pipeline.params.block import Block

Split = Literal["train", "dev", "test"]


class Normalize(Block):
    """What becomes of a word before it is looked up; its characters stay as they are."""

    lowercase: bool = True
    urls: bool = True  # every URL is one word
    users: bool = True  # every @mention is one word
    digits: bool = False  # every digit is 0


class Vocab(Block):
    """Word, character and label vocabularies."""

    splits: list[Split] = ["train"]
    min_count: int = Field(1, ge=1)  # rarer words are unknown; characters are all kept
    normalize: Normalize = Normalize()
