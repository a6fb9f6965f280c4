"""What a published system is here: a network over cached features, and what it reads.

A system is one file of this folder with one public subclass of `System`. The file's name is the
system's: params.yaml holds its block under `systems.NAME`, and `find_system` finds it by it.
Nothing else in the project knows one system from another.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field
from torch import Tensor, nn

from pipeline.errors import PipelineError
from pipeline.layers.context import ContextMix
from pipeline.layers.crf import TagDecoder
from pipeline.params.block import Block, nearest
from pipeline.params.context import ContextWords
from pipeline.params.optimization import Optimization


@dataclass(frozen=True)
class StoreOutput:
    """A system reads one output of a feature store: numbers of one shape for each image."""

    cache: str  # the name that a stage gives it: --cache NAME=PATH
    output: str  # the backbone's output that is read
    role: str  # the entry of `extract` in params.yaml whose backbone computed it


@dataclass(frozen=True)
class ImageClasses:
    """A system reads the classes of each image, by number, in the table of image words."""

    cache: str
    role: str  # whose logits the classes were taken from


@dataclass(frozen=True)
class PhraseWords:
    """A system reads the words that a table of phrases has for each post, image or token."""

    cache: str
    role: str | None = None  # whose output the words depend on; None: they depend on no image


Read = StoreOutput | ImageClasses | PhraseWords
CONTEXT = "context"  # the cache of contextual words, which every system may read


@dataclass(frozen=True)
class Phrase:
    """The words of one table of phrases for each of B posts, at most K; K is at least 1.

    The `mask` of a post without words is all false: no word stands for their absence.
    """

    words: Tensor  # (B, K) long; rows of the word table, 0 is padding
    weights: Tensor  # (B, K) float; 0 is padding
    mask: Tensor  # (B, K) bool; true from the left
    spelling: Tensor  # (B, K) long; a row of the batch's `chars`


@dataclass(frozen=True)
class Batch:
    """A padded batch of B posts of at most T tokens, with U distinct spellings of all its words.

    `features` holds one tensor for each cache of images that the system reads, with zeros for
    posts without a usable image.
    """

    words: Tensor  # (B, T) long; 0 is padding
    mask: Tensor  # (B, T) bool; true from the left
    chars: Tensor  # (U, L) long; 0 is padding
    spelling: Tensor  # (B, T) long; a row of `chars`
    tags: Tensor  # (B, T) long; 0 where the mask is false
    features: Mapping[str, Tensor]  # cache -> (B, ...) float, or long for classes
    has_image: Tensor  # (B,) bool
    phrases: Mapping[str, Phrase] = field(default_factory=dict)  # by cache
    context: Tensor | None = None  # (B, T, layers, width) float16; None: it reads none


@dataclass(frozen=True)
class Inputs:
    """What the corpus and the caches decide about a network's sizes and first weights."""

    table: Tensor  # (W, d) float: the word vectors, row 0 padding, row 1 unknown
    found: Tensor  # (W, d) bool: which of these numbers are pretrained
    characters: int  # size of the character vocabulary
    tags: tuple[str, ...]  # in the order of their ids
    shapes: Mapping[str, tuple[int, ...]]  # cache -> the shape of one image's, or word's, features
    classes: int = 0  # number of classes of images; 0 if the system reads none

    def context(self, words: ContextWords) -> ContextMix | None:
        """The layer over contextual words, if a system's block asks for them."""
        if not words.read:
            return None
        layers, width = self.shapes[CONTEXT]
        return ContextMix(layers, width, words.width, words.dropout)


class SystemModel(Block):
    """What every system's `model` holds; each adds its sizes and choices."""

    constrained: bool  # whether the CRF decodes only what BIO allows


class SystemParams(Block):
    """What every system's block holds; each replaces `model` by its own."""

    preset: str  # the file of conf/system/NAME that the block starts from
    vectors: list[str]  # sources of word vectors, concatenated; none: random vectors
    removed_vectors: float = Field(ge=0, lt=1)  # share of words (Moon et al. 2018, Table 3)
    context: ContextWords
    training: Optimization
    model: SystemModel

    def capped(self, max_epochs: int | None, batch_posts: int | None) -> Self:
        """The same block with at most so many epochs, and posts in a batch; None: its own."""
        caps = {"max_epochs": max_epochs, "batch_posts": batch_posts}
        own = self.training.model_dump()
        least = {name: min(own[name], cap) for name, cap in caps.items() if cap is not None}
        training = self.training.model_copy(update=least)
        return self.model_copy(update={"training": training})


class System(nn.Module, ABC):
    """A tagger: an encoder of batches, then a decoder of tags.

    Args:
        params: the system's block, a `Params`.
        inputs: what the corpus and the caches decide; the first weights are drawn from torch's
            generator.
    """

    name: ClassVar[str]  # the name of the file that defines the system
    Params: ClassVar[type[SystemParams]]  # the block `systems.NAME` of params.yaml
    reads: ClassVar[tuple[Read, ...]] = ()  # the caches that it reads beside the text

    decoder: TagDecoder

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.name = cls.__module__.rpartition(".")[2]

    @abstractmethod
    def __init__(self, params: SystemParams, inputs: Inputs) -> None:
        super().__init__()

    @classmethod
    def used(cls, params: SystemParams) -> tuple[Read, ...]:
        """Those of `reads` that have a part in the network with these params; here all of them."""
        del params
        return cls.reads

    @classmethod
    def phrase_tables(cls) -> list[str]:
        """The names of those caches that are tables of phrases."""
        return [read.cache for read in cls.reads if isinstance(read, PhraseWords)]

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

        Each system names its own kinds in its file (weights over regions, a gate, ...). This one,
        the default, has none. NaN stands for what had no part in a post's tags, such as the image
        of a post without one; if NaN fills a token's k values, the table has no such row for the
        token. Among a token's values NaN may stand only at the end (the padding, where k counts
        words). Values of padding tokens are not read.
        """
        del batch
        return {}

    def looked_at(self) -> Mapping[str, Sequence[str]]:
        """Kind -> what each value of a kind of `explain` stands for, in words for a reader.

        Regions and words name themselves, and so does a kind of one value: no such kind is here.
        """
        return {}


def known_systems() -> list[str]:
    """The names of all systems: the files of this folder but for this one."""
    names = [m.name for m in pkgutil.iter_modules([str(Path(__file__).parent)])]
    return sorted(name for name in names if name != "system")


def find_system(name: str) -> type[System]:
    """The system of this name.

    Raises:
        PipelineError: for a name without a file, with the nearest one that has, and for a file
            that does not define exactly one public system.
    """
    if name not in known_systems():
        known = ", ".join(known_systems())
        hint = nearest(name, known_systems())
        raise PipelineError(f"unknown system {name!r}{hint}; known: {known}")
    module = importlib.import_module(f"pipeline.systems.{name}")
    found = [
        value
        for key, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, System)
        if value.__module__ == module.__name__ and not key.startswith("_")
    ]
    if len(found) != 1:
        raise PipelineError(
            f"pipeline/systems/{name}.py defines {len(found)} public subclasses of System; "
            "a system is one"
        )
    return found[0]
