"""The caches that a system reads: the image features of posts, and their phrases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from pipeline.corpus.images import read_images, usable
from pipeline.corpus.posts import Post
from pipeline.errors import PipelineError
from pipeline.fingerprint import Output
from pipeline.store.reader import Reader
from pipeline.systems.system import CONTEXT, ImageClasses, PhraseWords, Read, StoreOutput
from pipeline.tables.image_words import CLASSES, ImageWords
from pipeline.tables.phrases import WeightedWords
from pipeline.training.context import CachedWords, WordRows
from pipeline.training.phrases import Phrases


class FeatureRows(Protocol):
    """Gives the features of images."""

    def read(self, images: Sequence[str | None]) -> tuple[dict[str, Tensor], Tensor]:
        """As `ImageFeatures.read`."""


class PhraseFinder(Protocol):
    """Gives the phrases of posts."""

    def of(self, posts: Sequence[Post]) -> list[dict[str, WeightedWords]]:
        """As `Phrases.of`."""


class Beside(Protocol):
    """What is read beside the text, out of caches or made for new posts."""

    @property
    def features(self) -> FeatureRows:
        """The features of images."""

    @property
    def phrases(self) -> PhraseFinder:
        """The phrases of posts."""

    @property
    def context(self) -> WordRows | None:
        """The contextual words of posts; None if the system reads none."""


@dataclass(frozen=True)
class Caches:
    """All that a system reads beside the text of the posts."""

    features: ImageFeatures
    phrases: Phrases
    context: CachedWords | None = None

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of one image's features, or of one contextual word, in each cache."""
        words = {} if self.context is None else {CONTEXT: self.context.shape}
        return self.features.shapes | words

    @property
    def fingerprints(self) -> dict[str, str]:
        """The digest of each cache's fingerprint."""
        words = {} if self.context is None else {CONTEXT: self.context.fingerprint}
        return self.features.fingerprints | self.phrases.fingerprints | words

    @property
    def facts(self) -> dict[str, Mapping[str, str]]:
        """What a reader wants to know of each cache: fact -> its value in words."""
        words = {} if self.context is None else {CONTEXT: self.context.facts}
        return {**self.features.facts, **self.phrases.facts, **words}

    @property
    def pictures(self) -> Set[str]:
        """The ids of the images that a system can see in these caches."""
        return self.features.pictures | self.phrases.pictures


def open_caches(
    reads: Sequence[Read],
    caches: Mapping[str, Path],
    images: Path | None,
    context: CachedWords | None = None,
) -> Caches:
    """Open the caches that a system reads.

    Args:
        reads: what the system declares.
        caches: cache -> its folder or table; exactly those that the system reads.
        images: the table of images, None where no cache is keyed by image.
        context: contextual words, which are opened already (`open_context`).

    Raises:
        PipelineError: for other caches than are read, and as `ImageFeatures` and `Phrases` raise
            it.
    """
    names = {read.cache for read in reads}
    if names != set(caches):
        raise PipelineError(
            f"this system reads the caches {sorted(names)}, but was given {sorted(caches)}: "
            "mend its stages in dvc.yaml"
        )
    phrases = {r.cache: caches[r.cache] for r in reads if isinstance(r, PhraseWords)}
    of_images = [read for read in reads if not isinstance(read, PhraseWords)]
    return Caches(ImageFeatures(of_images, caches, images), Phrases(phrases, images), context)


class ImageFeatures:
    """Reads what each cache of images holds for a batch of image ids.

    Args:
        reads: the outputs of feature stores, and the classes of tables of image words.
        caches: cache -> the folder of its feature store, or its table.
        images: `features/images.parquet`, which gives the file behind an image id; None where
            `reads` is empty.

    Raises:
        PipelineError: for a store that is half pulled, or one that lacks an image the table calls
            usable.
    """

    def __init__(
        self,
        reads: Sequence[StoreOutput | ImageClasses],
        caches: Mapping[str, Path],
        images: Path | None,
    ) -> None:
        if reads and images is None:
            raise PipelineError("a system that reads image features needs the table of images")
        self._keys = usable(read_images(images)) if reads and images else {}
        self._readers: dict[str, Reader | ImageWords] = {}
        self._outputs: dict[str, str] = {}
        for read in reads:
            path = caches[read.cache]
            reader: Reader | ImageWords
            match read:
                case StoreOutput(output=output):
                    reader = Reader(path)
                case ImageClasses():
                    reader, output = ImageWords(path), CLASSES
            reader.check()
            _check_output(reader, output, path)
            _check_complete(reader, set(self._keys.values()), path)
            self._readers[read.cache], self._outputs[read.cache] = reader, output

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of one image's features in each cache."""
        return {
            name: reader.outputs[self._outputs[name]].shape
            for name, reader in self._readers.items()
        }

    @property
    def fingerprints(self) -> dict[str, str]:
        """The digest of each cache's fingerprint."""
        return {name: reader.fingerprint.digest for name, reader in self._readers.items()}

    @property
    def facts(self) -> dict[str, dict[str, str]]:
        """The name of the backbone behind each cache."""
        return {
            name: {"backbone": reader.fingerprint.backbone}
            for name, reader in self._readers.items()
        }

    @property
    def pictures(self) -> Set[str]:
        """The ids of the images that have features."""
        return self._keys.keys()

    @property
    def classes(self) -> int:
        """The number of classes that an image word is one of; 0 if no image words are read."""
        return max(
            (r.classes for r in self._readers.values() if isinstance(r, ImageWords)), default=0
        )

    def read(self, images: Sequence[str | None]) -> tuple[dict[str, Tensor], Tensor]:
        """Read the features of B image ids.

        An id without a usable image is masked exactly as a post without an id.

        Returns:
            The features, cache -> (B, ...), float32, or int64 where a cache holds classes, with
            zeros where an image is missing; and which images are there, (B,) bool.
        """
        keys = [self._keys.get(image) if image is not None else None for image in images]
        features = {
            name: masked(keys, reader.outputs[output], partial(reader.rows, output))
            for name, reader in self._readers.items()
            for output in [self._outputs[name]]
        }
        return features, torch.tensor([key is not None for key in keys])


def masked(
    keys: Sequence[str | None], held: Output, rows: Callable[[Sequence[str]], np.ndarray]
) -> Tensor:
    """The rows of B images, (B, ...), float32 or int64; zeros where there is no image.

    Args:
        keys: the sha256 of each image, or None.
        held: the form of a row.
        rows: gives the rows of images that are there.
    """
    there = [key is not None for key in keys]
    dtype = np.dtype(np.float32 if np.dtype(held.dtype).kind == "f" else np.int64)
    found = np.zeros((len(keys), *held.shape), dtype)  # (B, ...)
    if any(there):
        found[there] = rows([key for key in keys if key is not None])
    return torch.from_numpy(found)


def _check_output(reader: Reader | ImageWords, output: str, path: Path) -> None:
    if output not in reader.outputs:
        raise PipelineError(
            f"{path}: holds {sorted(reader.outputs)}, but this system reads {output!r}: add it to "
            "the outputs of this role under `extract` in params.yaml"
        )


def _check_complete(reader: Reader | ImageWords, keys: set[str], path: Path) -> None:
    missing = sum(key not in reader for key in keys)
    if missing:
        raise PipelineError(
            f"{path}: lacks {missing} of the {len(keys)} usable images of this corpus: it belongs "
            "to another corpus or is out of date; run its extract stage, or `dvc pull` it"
        )
