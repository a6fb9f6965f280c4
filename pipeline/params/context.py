"""Contextual words: the frozen encoders whose states are cached."""

from typing import Literal

from pydantic import Field, model_validator

from pipeline.params.block import Block

NONE = "none"  # stands where a system reads no contextual words


class Encode(Block):
    """One encoder. All of it changes the numbers, so all of it enters the fingerprint."""

    encoder: str  # a module of pipeline/language/encoders
    weights: str  # a name that the encoder knows, or a folder
    sha256: str | None  # the file of weights must have this digest; None: any will do
    width: int = Field(ge=1)  # an encoder of another width is refused
    layers: list[int] = Field(min_length=1)  # the layers that are kept; 0: the embeddings
    pieces: Literal["mean", "first"]  # what of a word's pieces stands for the word
    fold_urls: bool  # whether a URL is read as the word `http`
    window: int = Field(ge=4)  # the encoder reads so many pieces at once
    overlap: int = Field(ge=0)  # longer posts go in windows that share so many pieces
    precision: Literal["float32", "bfloat16"]

    @model_validator(mode="after")
    def _windows_go_on(self) -> "Encode":
        if 2 * self.overlap > self.window:
            raise ValueError(f"overlap {self.overlap} is above half of the window {self.window}")
        if sorted(set(self.layers)) != self.layers or self.layers[0] < 0:
            raise ValueError(f"layers {self.layers}: each stands once, ascending from 0")
        return self


class Context(Block):
    """The encoders, and which of them systems read."""

    encoders: dict[str, Encode]  # name -> an encoder; its words are features/context/NAME
    default: str  # a system reads these unless its own block says otherwise; none: it reads none


class ContextWords(Block):
    """A system's contextual words, a part of its block."""

    store: str  # an entry of `context.encoders`; none: it reads none
    width: int = Field(ge=1)  # to which they are projected
    dropout: float = Field(ge=0, lt=1)  # before that

    @property
    def read(self) -> bool:
        """Whether the system reads any."""
        return self.store != NONE
