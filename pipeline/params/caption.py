"""How captions are looked for."""

from pydantic import Field

from pipeline.params.block import Block


class Caption(Block):
    """How captions are looked for. Nothing here touches a network's weights or the encoder."""

    beam_width: int = Field(3, ge=1)
    length_power: float = Field(0.7, ge=0)  # log probabilities are divided by length^this; 0: not
    max_words: int = Field(20, ge=1)
