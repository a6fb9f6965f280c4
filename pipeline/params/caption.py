"""How captions are searched for."""

from pydantic import Field

from pipeline.params.block import Block


class Caption(Block):
    """The beam search of captions. Nothing here touches the decoder's weights or the backbone."""

    beam_width: int = Field(ge=1)
    length_power: float = Field(ge=0)  # log probabilities are divided by length^this
    max_words: int = Field(ge=1)
