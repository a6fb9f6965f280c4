"""Which images can be used."""

from typing import Literal

from pydantic import Field

from pipeline.params.block import Block


class IndexImages(Block):
    """Which images can be used, and what happens to the others."""

    on_bad_image: Literal["mask", "error"]  # mask: counted and listed, never dropped
    # where posts name images, but not one of these can be used; mask: a run on the text alone
    on_no_image: Literal["error", "mask"]
    max_pixels: int = Field(gt=0)  # an image of more (width x height) is refused undecoded
