"""How the captioner is built and trained."""

from typing import Literal

from pydantic import Field

from pipeline.params.block import Block, Seed
from pipeline.params.optimization import Optimization


class DecoderSizes(Block):
    """The network's sizes."""

    width: int = Field(ge=1)  # a region is projected to this width
    word_width: int = Field(ge=1)
    hidden: int = Field(ge=1)
    attention_width: int = Field(ge=1)
    dropout: float = Field(ge=0, lt=1)


class CaptionerParams(Block):
    """The block `captioner`."""

    seed: Seed
    held_out: Literal["images", "captions"]  # dev's images, or one caption of each of them
    dev_share: float = Field(gt=0, le=1)  # this share of the images is dev's
    max_words: int = Field(ge=1)  # longer captions are left out
    min_count: int = Field(ge=1)  # rarer words are unknown
    beam_width: int = Field(ge=1)  # when dev is captioned
    model: DecoderSizes
    training: Optimization
