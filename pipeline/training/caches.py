"""The caches that a system asks for: the image features of posts, and their phrases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline.corpus.images import read_images, usable
from pipeline.errors import PipelineError
from pipeline.store.reader import Reader
from pipeline.tables.image_words import ImageWords
from pipeline.tables.phrases import OUTPUT
from pipeline.training.phrases import Phrases


@dataclass(frozen=True)
class Caches:
    """All that a system reads beside the text of the posts."""

    features: ImageFeatures
    phrases: Phrases

    @property
    def fingerprints(self) -> dict[str, str]:
        """The digest of each cache's fingerprint."""
        return self.features.fingerprints | self.phrases.fingerprints


def open_caches(
    requires: Mapping[str, str], caches: Mapping[str, Path], images: Path | None
) -> Caches:
    """The caches that a system requires: tables of phrases where it reads `words`.

    Args:
        requires: cache -> the output of it that is read, as a system declares it.
        caches: cache -> its folder or table; exactly the required ones.
        images: the table of images, None where no cache is keyed by image.

    Raises:
        PipelineError: as `ImageFeatures` and `Phrases` raise it.
    """
    if set(requires) != set(caches):
        raise PipelineError(
            f"this system reads the caches {sorted(requires)}, but was given {sorted(caches)}: "
            "mend its stages in dvc.yaml"
        )
    phrases = {name: path for name, path in caches.items() if requires[name] == OUTPUT}
    features = {name: output for name, output in requires.items() if output != OUTPUT}
    stores = {name: caches[name] for name in features}
    return Caches(ImageFeatures(features, stores, images), Phrases(phrases, images))


class ImageFeatures:
    """Reads one output of each required cache for a batch of image ids.

    Args:
        requires: cache -> the output of it that is read, as a system declares it.
        caches: cache -> folder of its feature store, or the table of image words; exactly the
            required ones.
        images: `features/images.parquet`, which says what file an image id is; None when no
            cache is required.

    Raises:
        PipelineError: for a store that is half pulled, or one that lacks an image the table calls
            usable.
    """

    def __init__(
        self, requires: Mapping[str, str], caches: Mapping[str, Path], images: Path | None
    ) -> None:
        if requires and images is None:
            raise PipelineError("a system that reads image features needs the table of images")
        self._requires = requires
        self._readers = {name: _open(caches[name]) for name in requires}
        self._keys = usable(read_images(images)) if requires and images else {}
        for name, reader in self._readers.items():
            reader.check()
            _check_output(reader, requires[name], caches[name])
            _check_complete(reader, set(self._keys.values()), caches[name])

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of one image's features in each cache."""
        return {
            name: reader.outputs[self._requires[name]].shape
            for name, reader in self._readers.items()
        }

    @property
    def fingerprints(self) -> dict[str, str]:
        """The digest of each cache's fingerprint."""
        return {name: reader.fingerprint.digest for name, reader in self._readers.items()}

    @property
    def classes(self) -> int:
        """How many classes an image word is one of; 0 where no cache holds image words."""
        return max(
            (r.classes for r in self._readers.values() if isinstance(r, ImageWords)), default=0
        )

    def read(self, images: Sequence[str | None]) -> tuple[dict[str, Tensor], Tensor]:
        """Features of B image ids: cache -> (B, ...), zeros for none, and (B,) bool.

        Features are float32, or int64 where a cache holds classes. An id without a usable image
        is masked exactly as a post without an id.
        """
        keys = [self._keys.get(image) if image is not None else None for image in images]
        there = torch.tensor([key is not None for key in keys])  # (B,)
        features = {}
        for name, reader in self._readers.items():
            output = self._requires[name]
            of = reader.outputs[output]
            dtype = np.dtype(np.float32 if np.dtype(of.dtype).kind == "f" else np.int64)
            rows = np.zeros((len(keys), *of.shape), dtype)  # (B, ...)
            wanted = [key for key in keys if key is not None]
            if wanted:
                rows[there.numpy()] = reader.rows(output, wanted)
            features[name] = torch.from_numpy(rows)
        return features, there


def _open(path: Path) -> Reader | ImageWords:
    """A feature store is a folder, the table of image words a Parquet file."""
    return ImageWords(path) if path.suffix == ".parquet" else Reader(path)


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
