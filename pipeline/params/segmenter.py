"""How the neural segmenter of hashtags is built and trained."""

from pydantic import Field

from pipeline.params.block import Block
from pipeline.params.optimization import Optimization


class BorderSizes(Block):
    """The network's sizes."""

    char_width: int = Field(32, ge=1)
    shape_width: int = Field(8, ge=1)
    counts: bool = True  # whether the network is told what the word counts alone would say
    filters: int = Field(64, ge=1)  # of each window
    windows: list[int] = Field([3, 5, 7], min_length=1)  # odd: centred on the character
    hidden: int = Field(192, ge=2, multiple_of=2)  # of the BiLSTM, both directions
    dropout: float = Field(0.1, ge=0, lt=1)


class SegmenterParams(Block):
    """The block `segmenter`."""

    seed: int = 1
    phrases: int = Field(ge=1)  # to train on
    corpus_share: float = Field(0.4, ge=0, le=1)  # of them, as far as the posts have as many
    model: BorderSizes
    pretraining: Optimization  # of the characters' vectors, by skip-gram
    training: Optimization
