"""What a published system is here: a network over cached features, and what it needs of them.

A system is one file of this folder with

- `Params`, its block in params.yaml under `systems.NAME`, and
- `build(params, inputs) -> System`.

The trainer finds it by its file name, gives it the caches that `REQUIRES` names, and asks it for
a loss and for tags. Nothing else in the project knows one system from another.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Protocol

from pydantic import Field
from torch import Tensor, nn

from pipeline.errors import PipelineError
from pipeline.layers.crf import TagDecoder
from pipeline.params.block import Block, nearest
from pipeline.params.optimization import Optimization


@dataclass(frozen=True)
class Phrase:
    """The words that one cache gives to each of B posts, at most K; K is at least 1.

    A post without any has a row of false in `mask`: no word stands for their absence.
    """

    words: Tensor  # (B, K) long; rows of the word table, 0 is padding
    weights: Tensor  # (B, K) float; 0 is padding
    mask: Tensor  # (B, K) bool; true from the left
    spelling: Tensor  # (B, K) long; a row of the batch's `chars`


@dataclass(frozen=True)
class Batch:
    """A padded batch of B posts of at most T tokens, with U distinct spellings of all its words.

    `features` holds one tensor for each required cache, zeros for posts without a usable image.
    """

    words: Tensor  # (B, T) long; 0 is padding
    mask: Tensor  # (B, T) bool; true from the left
    chars: Tensor  # (U, L) long; 0 is padding
    spelling: Tensor  # (B, T) long; a row of `chars`
    tags: Tensor  # (B, T) long; 0 where the mask is false
    features: Mapping[str, Tensor]  # cache -> (B, ...) float, or long for classes
    has_image: Tensor  # (B,) bool
    phrases: Mapping[str, Phrase] = field(default_factory=dict)  # by cache


@dataclass(frozen=True)
class Inputs:
    """What the corpus and the caches decide about a network's sizes and first weights."""

    table: Tensor  # (W, d) float: the word vectors, row 0 padding, row 1 unknown
    found: Tensor  # (W,) bool: which rows are pretrained
    characters: int  # size of the character vocabulary
    tags: tuple[str, ...]  # by id
    shapes: Mapping[str, tuple[int, ...]]  # cache -> the shape of one image's features
    classes: int = 0  # that an image word is one of; 0 without image words


class SystemParams(Block):
    """What every system's block holds; each adds its own `model`."""

    vectors: list[str]  # sources of word vectors, concatenated; none: random vectors
    removed_vectors: float = Field(0.0, ge=0, lt=1)  # share of words (Moon et al. 2018, Table 3)
    training: Optimization


class System(nn.Module, ABC):
    """A tagger: features of a batch, then a decoder of tags."""

    decoder: TagDecoder

    @abstractmethod
    def encode(self, batch: Batch) -> Tensor:
        """What the decoder reads for each token: (B, T, width)."""

    def loss(self, batch: Batch) -> Tensor:
        """The training loss of a batch, a scalar."""
        return self.decoder.loss(self.encode(batch), batch.tags, batch.mask)

    def decode(self, batch: Batch) -> list[list[int]]:
        """The best tag ids of each post, padding left out."""
        return self.decoder.decode(self.encode(batch), batch.mask)

    def explain(self, batch: Batch) -> Mapping[str, Tensor]:
        """What the network looked at for each token: kind -> (B, T, k) float.

        The kinds are the system's own, named in its file (weights over regions, a gate, ...); none
        by default. NaN stands for what had no part in a post's tags, such as the image of a post
        without one; if it fills a token's k values, the token has no such row in the table. Within
        a token's values it may stand at the end alone (the padding, where k counts words). What
        is said of padding tokens is not read.
        """
        del batch
        return {}


class SystemModule(Protocol):
    """What a file of this folder defines."""

    # cache of features/ -> the output of it that is read; "words" of a table of phrases
    REQUIRES: Mapping[str, str]
    Params: type[SystemParams]

    def build(self, params: SystemParams, inputs: Inputs) -> System:
        """The network, with its first weights drawn from torch's generator."""


def known_systems() -> list[str]:
    """The systems there are: the files of this folder but for this one."""
    names = [m.name for m in pkgutil.iter_modules([str(Path(__file__).parent)])]
    return sorted(name for name in names if name != "system")


def find_system(name: str) -> SystemModule:
    """The system of this name.

    Raises:
        PipelineError: for a name without a file, with the nearest one that has.
    """
    if name not in known_systems():
        known = ", ".join(known_systems())
        hint = nearest(name, known_systems())
        raise PipelineError(f"unknown system {name!r}{hint}; known: {known}")
    module: ModuleType = importlib.import_module(f"pipeline.systems.{name}")
    return module
