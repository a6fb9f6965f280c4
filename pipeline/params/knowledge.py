"""How the entity that a post's picture shows is looked for."""

from pydantic import Field

from pipeline.params.block import Block


class Knowledge(Block):
    """How the entity that a post's picture shows is looked for."""

    scorer: str = "WRatio"  # of fuzzywuzzy
    cutoff: int = Field(90, ge=1, le=100)  # the least score of a candidate
    best: int = Field(10, ge=1)  # candidates of a mention
    theta: float = Field(0.9, gt=0, le=1)  # the least cosine of two pictures of the same
    hops: int = Field(2, ge=0)  # from a candidate
    conceptual: list[str] = Field(min_length=1)  # relations that are knowledge
    relation_words: bool = False  # whether their words count too
    fan_out: int | None = Field(None, ge=1)  # edges followed of one entity; null: all
