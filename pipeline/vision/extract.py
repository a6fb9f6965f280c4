"""The extraction: what the index holds and the store does not goes through the network."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from pipeline.corpus.images import OK, Image, read_images
from pipeline.corpus.pixels import DECODER
from pipeline.errors import PipelineError
from pipeline.fingerprint import Fingerprint
from pipeline.params.extract import Extract
from pipeline.params.runtime import Engine, Runtime
from pipeline.progress import Shares, progress, say
from pipeline.store.store import Report as Stored
from pipeline.store.store import Store
from pipeline.vision.backbone import Backbone, Features, load_backbone
from pipeline.vision.decode import File
from pipeline.vision.local_engine import fill_here
from pipeline.vision.weights import find_weights

_Fill: TypeAlias = Callable[
    [Store, Backbone, Features, Sequence[File], Shares, Runtime, Callable[[str], None]],
    Generator[int, None, None],
]


@dataclass(frozen=True)
class Report:
    """What an extraction did; `str(report)` is for the terminal.

    Attributes:
        images: ids whose image can be used.
        distinct: different images among them (by content).
        computed: images that went through the network in this run.
        masked: ids whose image cannot be used.
        speed: images a second of the loop and what bounded it; "" if nothing was computed.
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


def extract(
    files: Files, params: Extract, runtime: Runtime, say: Callable[[str], None] = say
) -> Report:
    """Make the store hold the features of every usable image of the index, and no others.

    Each different image (by content) is computed once, and only if the store lacks it. Shards
    are written as they fill: a run that is killed goes on from the last one.

    Args:
        files: what is read and written.
        params: the network, its weights, and what is kept of it; all of it enters the fingerprint.
        runtime: where and how fast it runs; nothing of it changes a number.
        say: is told what a person should know while it runs.

    Raises:
        PipelineError: for an index without a usable image, unknown names, weights that are
            missing or other ones, a file that changed since it was indexed, a number that is
            not finite, or a store that another process writes.
    """
    index = read_images(files.images)
    wanted = _distinct(index)
    if not wanted:
        raise PipelineError(f"{files.images}: none of its {len(index)} images can be used")
    backbone = load_backbone(params.backbone)
    outputs = backbone.select(params.outputs)
    weights = find_weights(
        params.weights,
        backbone.weights,
        backbone.network,
        sha256=params.sha256,
        weights_dir=Path(runtime.weights_dir) if runtime.weights_dir else None,
    )
    fingerprint = Fingerprint(
        backbone=backbone.name,
        version=backbone.version,
        weights_sha256=weights.sha256,
        preprocessing=str(backbone.preprocessing),
        decoder=DECODER,
        precision=params.precision,
        outputs=outputs,
    )
    shares, speed, computed = Shares(), "", 0
    with Store(files.store, fingerprint) as store:
        missing = [File(files.folder / wanted[key], key) for key in store.missing(wanted)]
        if missing:
            features = backbone.build(weights.load(), outputs, params.precision)
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
    """The function that computes missing rows, and yields the number of images of each part."""
    if name == "local":
        return fill_here
    # imported here: Ray takes a second, and only this engine needs it
    from pipeline.vision.ray_engine import fill_on_ray

    return fill_on_ray


def _distinct(index: Sequence[Image]) -> dict[str, str]:
    """sha256 -> path of each different image that can be used; of equal ones, the first."""
    wanted: dict[str, str] = {}
    for row in index:
        if row.status == OK and row.sha256 is not None and row.path is not None:
            wanted.setdefault(row.sha256, row.path)
    return wanted
