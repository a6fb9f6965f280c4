"""What the training of every system shares."""

from pydantic import Field, field_validator

from pipeline.params.block import Block, Seed


class Train(Block):
    """What the training of every system shares."""

    seeds: list[Seed] = Field(min_length=1)
    # Upper limits, beside each system's own number; null: none.
    max_epochs: int | None = Field(ge=1)
    batch_posts: int | None = Field(ge=1)

    @field_validator("seeds")
    @classmethod
    def _differ(cls, seeds: list[int]) -> list[int]:
        if len(set(seeds)) < len(seeds):
            raise ValueError(f"{seeds} names a seed twice: both would write the same folder")
        return seeds
