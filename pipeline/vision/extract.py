"""The extraction sends each image that the index holds and the store lacks through the network."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from pipeline.corpus.images import OK, Image, read_images
from pipeline.corpus.pixels import DECODER
from pipeline.errors import PipelineError
from pipeline.fingerprint import Fingerprint, Output
from pipeline.params.extract import Extract, Precision
from pipeline.params.runtime import Engine, Runtime
from pipeline.progress import Shares, progress, say
from pipeline.store.store import Report as Stored
from pipeline.store.store import Store
from pipeline.vision.backbone import Backbone, Features, find_backbone
from pipeline.vision.decode import File
from pipeline.vision.local_engine import fill_here
from pipeline.vision.weights import Weights

_Fill: TypeAlias = Callable[
    [Store, Backbone, Features, Sequence[File], Shares, Runtime, Callable[[str], None]],
    Generator[int, None, None],
]


@dataclass(frozen=True)
class Report:
    """What an extraction did; `str(report)` is for the terminal.

    Attributes:
        images: how many ids have an image that can be used.
        distinct: how many of these images differ (by content).
        computed: how many images went through the network in this run.
        masked: how many ids have no image that can be used.
        speed: images a second and what bounded the loop; "" if nothing was computed.
        stored: what became of the store.
    """

    images: int
    distinct: int
    computed: int
    masked: int
    speed: str
    stored: Stored

    def __str__(self) -> str:
        noun = "image" if self.computed == 1 else "images"
        return (
            f"{self.computed} {noun} computed, {self.distinct - self.computed} reused"
            f" ({self.images} usable ids, {self.distinct} distinct images, {self.masked} masked)"
            f"{self.speed and f', {self.speed}'}\n{self.stored}"
        )


@dataclass(frozen=True)
class Files:
    """What an extraction reads and writes.

    Attributes:
        images: the table of images.
        folder: the image folder, to which the table's paths are relative.
        store: the directory of the feature store.
    """

    images: Path
    folder: Path
    store: Path


@dataclass(frozen=True)
class Network:
    """A role's network, found and not yet loaded, and the fingerprint of what it gives."""

    backbone: Backbone
    outputs: Mapping[str, Output]
    weights: Weights
    precision: Precision

    @property
    def fingerprint(self) -> Fingerprint:
        """All that the rows depend on beside the images."""
        return Fingerprint(
            backbone=self.backbone.name,
            version=self.backbone.version,
            weights_sha256=self.weights.sha256,
            preprocessing=str(self.backbone.preprocessing),
            decoder=DECODER,
            precision=self.precision,
            outputs=self.outputs,
            facts=self.backbone.facts,
        )

    def load(self) -> Features:
        """The network with its weights.

        Raises:
            PipelineError: if the weights belong to another network.
        """
        return self.backbone.build(self.weights.load(), self.outputs, self.precision)


def find_network(params: Extract, weights_dir: str | None) -> Network:
    """Find the network that a role names, and its weights.

    Raises:
        PipelineError: if a name is unknown, or weights are missing or wrong.
    """
    backbone, weights = find_backbone(params, Path(weights_dir) if weights_dir else None)
    outputs = backbone.select(params.outputs)
    return Network(backbone.resizing(params.resize), outputs, weights, params.precision)


def extract(
    files: Files, params: Extract, runtime: Runtime, say: Callable[[str], None] = say
) -> Report:
    """Make the store hold the features of every usable image of the index, and no others.

    Each different image (by content) is computed once, and only if the store lacks it. Shards are
    written as they fill, so that a run after a kill goes on from the last one.

    Args:
        files: what is read and written.
        params: the network, its weights, and which outputs are kept; all of it enters the
            fingerprint.
        runtime: where and how fast the network runs; nothing of it changes a number.
        say: takes sentences that a person should read while the extraction runs.

    Raises:
        PipelineError: if the index holds no usable image, a name is unknown, weights are missing or
            wrong, a file changed since it was indexed, a number is not finite, or another process
            writes the store.
    """
    index = read_images(files.images)
    wanted = _distinct(index)
    if not wanted:
        raise PipelineError(f"{files.images}: none of its {len(index)} images can be used")
    network = find_network(params, runtime.weights_dir)
    shares, speed, computed = Shares(), "", 0
    with Store(files.store, network.fingerprint) as store:
        missing = [File(files.folder / wanted[key], key) for key in store.missing(wanted)]
        if missing:
            backbone, features = network.backbone, network.load()
            start = time.monotonic()
            fill = _engine(runtime.engine)
            with closing(fill(store, backbone, features, missing, shares, runtime, say)) as filled:
                for count in progress(
                    filled,
                    len(missing),
                    "images",
                    runtime.progress,
                    title=files.store.name,
                    weight=int,
                    note=shares.__str__,
                ):
                    computed += count
            speed = f"{computed / (time.monotonic() - start):.3g} images/s, {shares}"
        stored = store.finish()
    usable = sum(row.status == OK for row in index)
    return Report(usable, len(wanted), computed, len(index) - usable, speed, stored)


def _engine(name: Engine) -> _Fill:
    """Choose the function that computes missing rows and yields how many, part by part."""
    if name == "local":
        return fill_here
    # imported here: Ray takes a second, and only this engine needs it
    from pipeline.vision.ray_engine import fill_on_ray

    return fill_on_ray


def _distinct(index: Sequence[Image]) -> dict[str, str]:
    """Map the sha256 of each different usable image to its path (the first of equal images)."""
    wanted: dict[str, str] = {}
    for row in index:
        if row.status == OK and row.sha256 is not None and row.path is not None:
            wanted.setdefault(row.sha256, row.path)
    return wanted
