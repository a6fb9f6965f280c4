"""Pretrained word vectors."""

from typing import Literal

from pydantic import Field, model_validator

from pipeline.params.block import Block, Quoted
from pipeline.params.vocab import Split


class VectorSource(Block):
    """One source of pretrained word vectors."""

    kind: Literal["text", "word2vec", "package"]  # text: GloVe, word2vec text, fastText .vec
    path: Quoted  # a file, plain or gzipped; for a package, the file that pins its version
    package: str | None  # its import name
    width: int = Field(gt=0)  # a file of another width is refused

    @model_validator(mode="after")
    def _package_is_named(self) -> "VectorSource":
        if (self.kind == "package") != (self.package is not None):
            raise ValueError("`package` is a name exactly when kind is `package`, else null")
        return self


class Vectors(Block):
    """Which rows of the sources are kept."""

    splits: list[Split]  # rows are kept for the words of these posts
    lowercase_fallback: bool  # a word not found as it stands is looked up lower-cased
    hashtag_fallback: bool  # a hashtag not found as it stands is looked up without its #
    sources: dict[str, VectorSource]
    default: list[str]  # a system reads these unless its own block says otherwise
    joint: list[str]  # likewise, for systems that lay two side by side; one twice counts once
