"""How the captioner is built and trained."""

from typing import Literal

from pydantic import Field

from pipeline.params.block import Block
from pipeline.params.optimization import Optimization


class DecoderSizes(Block):
    """The network's sizes."""

    width: int = Field(128, ge=1)  # of a region behind its projection
    word_width: int = Field(64, ge=1)
    hidden: int = Field(256, ge=1)
    attention_width: int = Field(128, ge=1)
    dropout: float = Field(0.3, ge=0, lt=1)


class CaptionerParams(Block):
    """The block `captioner`."""

    seed: int = 1
    held_out: Literal["images", "captions"] = "images"
    dev_share: float = Field(0.1, gt=0, le=1)  # of the images
    max_words: int = Field(30, ge=1)  # longer captions are left out
    min_count: int = Field(1, ge=1)  # rarer words are unknown
    beam_width: int = Field(1, ge=1)  # with which dev is captioned
    model: DecoderSizes
    training: Optimization
