"""Names in every post, found by a text-only tagger of ours."""

from pydantic import Field

from pipeline.params.block import Block


class TagPosts(Block):
    """How train posts are kept from models that saw their labels; dvc.yaml names the tagger."""

    folds: int = Field(ge=2)  # into which train is split
    seed: int  # of the folds and of the training
    max_epochs: int = Field(ge=1)  # at most; the system's own number holds too
