"""The pictures of new posts: found, looked at, and sent through the networks of their roles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline.corpus.image_index import inspect
from pipeline.corpus.images import OK
from pipeline.corpus.listing import Found, Resolver, list_folder
from pipeline.device import find_device
from pipeline.errors import PipelineError
from pipeline.fingerprint import Fingerprint
from pipeline.params.extract import Extract
from pipeline.params.runtime import Runtime
from pipeline.vision.decode import File, batches
from pipeline.vision.extract import find_network
from pipeline.vision.forward import Forward
from pipeline.vision.passes import compute, passes_of


class Folder:
    """Finds the file of each post's picture.

    Args:
        images: a folder of images, where a post names one by its path or its id, as in a corpus.
            None: a post names a path, seen from `base`.
        base: see there.
        max_pixels: a larger image is refused.

    Raises:
        PipelineError: for a folder that cannot be listed.
    """

    def __init__(self, images: Path | None, base: Path, max_pixels: int) -> None:
        self._folder = base if images is None else images
        self._max_pixels = max_pixels
        self._resolver: Resolver | None = None
        if images is not None:
            try:
                self._resolver = Resolver(list_folder(images))
            except OSError as error:
                raise PipelineError(f"{images}: cannot be listed: {error.strerror}") from None

    def look(self, image: str) -> File | str:
        """The file of a picture, or why it cannot be used."""
        found = self._resolver.find(image) if self._resolver else self._path(image)
        if found.path is None:
            return found.reason
        seen = inspect(self._folder, found.path, self._max_pixels, thumbnails=None)
        if seen.status != OK or seen.sha256 is None:
            return f"{seen.status}: {seen.reason}"
        return File(self._folder / found.path, seen.sha256)

    def _path(self, image: str) -> Found:
        try:
            there = (self._folder / image).exists()
        except (OSError, ValueError) as error:  # a name that is too long, or holds a zero
            return Found(reason=f"no name of a file ({error})")
        return Found(image) if there else Found(reason=f"no such file in {self._folder}")


@dataclass(frozen=True)
class Seen:
    """What one network gave for the pictures of a block of posts."""

    fingerprint: Fingerprint
    arrays: Mapping[str, np.ndarray]  # output -> (n, ...)
    places: Mapping[str, int]  # sha256 -> row

    def rows(self, output: str, keys: Sequence[str]) -> np.ndarray:
        """The rows of images, (len(keys), ...)."""
        form = self.fingerprint.outputs[output]
        if not self.places:
            return np.empty((0, *form.shape), form.dtype)
        found: np.ndarray = self.arrays[output][[self.places[key] for key in keys]]
        return found


class RoleNetwork:
    """The network of one role, which is loaded when the first picture comes.

    Args:
        params: the role's block.
        runtime: the device, the batch and the threads.
        say: is told what a person should read.

    Raises:
        PipelineError: for weights that are missing; the message says where they go.
    """

    def __init__(self, params: Extract, runtime: Runtime, say: Callable[[str], None]) -> None:
        self._network = find_network(params, runtime.weights_dir)
        self._runtime = runtime
        self._say = say
        self._threads = torch.get_num_threads()

    @property
    def fingerprint(self) -> Fingerprint:
        """All that its rows depend on beside the images."""
        return self._network.fingerprint

    @cached_property
    def _forward(self) -> Forward:
        device = find_device(self._runtime.device)
        backbone, features = self._network.backbone, self._network.load()
        return Forward(backbone, features, device, self._runtime.batch, self._say)

    def see(self, files: Sequence[File]) -> Seen:
        """Compute the outputs of pictures, each of which stands there once."""
        parts: dict[str, list[Any]] = {name: [] for name in self.fingerprint.outputs}
        if files:
            with torch_threads(self._threads):
                for arrays in self._passes(files):
                    for name, array in arrays.items():
                        parts[name].append(array)
        joined = {name: np.concatenate(part) for name, part in parts.items() if part}
        places = {file.sha256: place for place, file in enumerate(files)}
        return Seen(self.fingerprint, joined, places)

    def _passes(self, files: Sequence[File]) -> Iterator[Mapping[str, np.ndarray]]:
        runtime, forward = self._runtime, self._forward
        passes = passes_of(min(runtime.batch, len(files)), forward.device, forward.least)
        each = -(-runtime.batch // passes)
        reader = batches(files, forward.preprocessing, batch=each, workers=runtime.workers)
        with closing(reader), closing(compute(forward, reader, passes=passes)) as computed:
            for _, arrays in computed:
                yield arrays


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch compute with so many threads: image networks and encoders gain, taggers do not."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
