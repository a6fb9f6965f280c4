"""One role's backbone."""

from typing import Literal

from pydantic import Field

from pipeline.params.block import Block

Precision = Literal["float32", "bfloat16", "float16"]
Resize = Literal["crop", "stretch"]


class ModelFile(Block):
    """The weights of one among the many models of a library."""

    model: str  # the library's name of it
    file: str


class Extract(Block):
    """One role's backbone. All of it changes the numbers, so all of it enters the fingerprint."""

    backbone: str  # a module of pipeline/vision/backbones
    # a name that the backbone knows, a file, or a folder; for timm a model and its file
    weights: str | ModelFile
    sha256: str | None  # the weights file must have this digest; None: any will do
    outputs: list[str] = Field(min_length=1)  # the outputs of the backbone that are kept
    resize: Resize  # crop: the centre, as the network's authors; stretch: the whole picture
    precision: Precision
