"""Image words from the cached logits."""

from pydantic import Field

from pipeline.params.block import Block


class Tags(Block):
    """Image words from the cached logits."""

    top_k: int = Field(ge=1, le=1000)
