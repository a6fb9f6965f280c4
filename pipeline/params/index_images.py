"""What an image may be."""

from typing import Literal

from pydantic import Field

from pipeline.params.block import Block


class IndexImages(Block):
    """What an image may be."""

    on_bad_image: Literal["mask", "error"] = "mask"  # mask: counted and listed, never dropped
    max_pixels: int = Field(100_000_000, gt=0)  # width x height above this is refused undecoded
