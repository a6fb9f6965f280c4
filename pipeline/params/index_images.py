"""Which images can be used."""

from typing import Literal

from pydantic import Field

from pipeline.params.block import Block


class IndexImages(Block):
    """Which images can be used, and what happens to the others."""

    on_bad_image: Literal["mask", "error"]  # mask: counted and listed, never dropped
    max_pixels: int = Field(gt=0)  # an image of more (width x height) is refused undecoded
