"""What the training of every system shares."""

from pydantic import Field

from pipeline.params.block import Block


class Train(Block):
    """What the training of every system shares."""

    seeds: list[int] = Field(min_length=1)
    # Upper limits, beside each system's own number; null: none.
    max_epochs: int | None = Field(ge=1)
    batch_posts: int | None = Field(ge=1)
