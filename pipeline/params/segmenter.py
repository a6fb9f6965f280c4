"""How the neural segmenter of hashtags is built and trained."""

from pydantic import Field

from pipeline.params.block import Block, Seed
from pipeline.params.optimization import Optimization


class BorderSizes(Block):
    """The network's sizes."""

    char_width: int = Field(ge=1)
    shape_width: int = Field(ge=0)  # 0: the network reads no shapes
    counts: bool  # whether the network reads what the word counts alone would say
    filters: int = Field(ge=1)  # each window has so many
    windows: list[int] = Field(min_length=1)  # odd: centred on the character
    hidden: int = Field(ge=2, multiple_of=2)  # both directions of the BiLSTM together
    dropout: float = Field(ge=0, lt=1)


class SegmenterParams(Block):
    """The block `segmenter`."""

    seed: Seed
    phrases: int = Field(ge=1)  # the network is trained on so many
    corpus_share: float = Field(ge=0, le=1)  # this share comes from posts, if they have as many
    model: BorderSizes
    pretraining: Optimization  # skip-gram, which gives the characters' first vectors
    training: Optimization
