"""Pretrained word vectors."""

from typing import Literal

from pydantic import Field, model_validator

from pipeline.params.block import Block
from pipeline.params.vocab import Split


class VectorSource(Block):
    """One source of pretrained word vectors."""

    kind: Literal["text", "word2vec", "package"]  # text: GloVe, word2vec text, fastText .vec
    path: str  # a file, plain or gzipped; for a package, the file that pins its version
    package: str | None = None
    width: int = Field(gt=0)  # a file of another width is refused

    @model_validator(mode="after")
    def _package_is_named(self) -> "VectorSource":
        if (self.kind == "package") != (self.package is not None):
            raise ValueError("`package` is given exactly when kind is `package`")
        return self


class Vectors(Block):
    """Which rows of the sources are kept."""

    splits: list[Split] = ["train", "dev", "test"]  # for the words of these posts
    lowercase_fallback: bool = True  # a word not found as it stands is looked up lower-cased
    hashtag_fallback: bool = True  # a hashtag not found as it stands is looked up without its #
    sources: dict[str, VectorSource]
    default: list[str] = []  # what a system reads unless its own block says otherwise
    joint: list[str] = []  # the same, for systems that lay two side by side (one twice: once)
