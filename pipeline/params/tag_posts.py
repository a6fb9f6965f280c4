"""The names in every post, which a text-only tagger finds."""

from pydantic import Field

from pipeline.params.block import Block, Seed


class TagPosts(Block):
    """How models are kept from tagging posts whose labels they saw; dvc.yaml names the tagger."""

    folds: int = Field(ge=2)  # into which train is split
    seed: Seed  # decides the folds, and seeds each training
    max_epochs: int = Field(ge=1)  # an upper limit, beside the system's own
