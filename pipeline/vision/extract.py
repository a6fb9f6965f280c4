"""The extraction: what the index holds and the store does not goes through the network."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pipeline.corpus.images import OK, Image, read_images
from pipeline.corpus.pixels import DECODER
from pipeline.device import find_device
from pipeline.errors import PipelineError
from pipeline.fingerprint import Fingerprint
from pipeline.params.runtime import Engine
from pipeline.progress import Mode, Shares, progress, say
from pipeline.store.store import Report as Stored
from pipeline.store.store import Store
from pipeline.vision.backbone import Precision, load_backbone
from pipeline.vision.decode import File, batches
from pipeline.vision.forward import Forward
from pipeline.vision.passes import compute, passes_of
from pipeline.vision.weights import find_weights


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


def extract(
    images_path: Path,
    image_folder: Path,
    store_dir: Path,
    backbone: str,
    weights: str,
    outputs: Sequence[str],
    precision: Precision = "float32",
    *,
    sha256: str | None = None,
    weights_dir: Path | None = None,
    batch: int = 16,
    workers: int = 2,
    device: str = "auto",
    engine: Engine = "local",
    actors: int | None = None,
    mode: Mode = "none",
    say: Callable[[str], None] = say,
) -> Report:
    """Make the store hold the features of every usable image of the index, and no others.

    Each different image (by content) is computed once, and only if the store lacks it. Shards
    are written as they fill: a run that is killed goes on from the last one.

    Args:
        images_path: the table of images.
        image_folder: to which the table's paths are relative.
        store_dir: the directory of the feature store.
        backbone: a module of pipeline/vision/backbones.
        weights: a name the backbone knows, a file, or "random:SEED".
        outputs: which of the backbone's outputs are kept.
        precision: of the convolutions.
        sha256: of the weights file, if the caller knows it.
        weights_dir: a mirror folder of weights files.
        batch: images that the network computes at a time. It, and what follows, changes no number.
        workers: threads that decode, of the local engine.
        device: "auto", "cpu", "cuda", "cuda:1".
        engine: "local", this process; "ray", the cluster that RAY_ADDRESS names, or one made here.
        actors: processes of the ray engine that hold the network; None: one for each GPU of the
            cluster, or for every other CPU where it has none.
        mode: how progress is shown.
        say: is told what a person should know while it runs.

    Raises:
        PipelineError: for an index without a usable image, unknown names, weights that are
            missing or other ones, a file that changed since it was indexed, a number that is
            not finite, or a store that another process writes.
    """
    index = read_images(images_path)
    wanted = _distinct(index)
    if not wanted:
        raise PipelineError(f"{images_path}: none of its {len(index)} images can be used")
    network = load_backbone(backbone)
    kept = network.select(outputs)
    found = find_weights(
        weights, network.weights, network.network, sha256=sha256, weights_dir=weights_dir
    )
    fingerprint = Fingerprint(
        backbone=network.name,
        version=network.version,
        weights_sha256=found.sha256,
        preprocessing=str(network.preprocessing),
        decoder=DECODER,
        precision=precision,
        outputs=kept,
    )
    shares, speed, computed = Shares(), "", 0
    with Store(store_dir, fingerprint) as writer:
        missing = [File(image_folder / wanted[key], key) for key in writer.missing(wanted)]
        if missing:
            features = network.build(found.load(), kept, precision)
            start = time.monotonic()
            if engine == "local":
                forward = Forward(network, features, find_device(device), batch, say)
                filled = fill(writer, forward, missing, shares, batch=batch, workers=workers)
            else:
                # imported here: Ray takes a second, and only this engine needs it
                from pipeline.vision.ray_engine import fill_on_ray

                filled = fill_on_ray(
                    writer,
                    network,
                    features,
                    missing,
                    shares,
                    batch=batch,
                    device=device,
                    actors=actors,
                    say=say,
                )
            with closing(filled):
                for count in progress(
                    filled,
                    len(missing),
                    "images",
                    mode,
                    title=store_dir.name,
                    weight=int,
                    note=shares.__str__,
                ):
                    computed += count
            speed = f"{computed / (time.monotonic() - start):.3g} images/s, {shares}"
        stored = writer.finish()
    usable = sum(row.status == OK for row in index)
    return Report(usable, len(wanted), computed, len(index) - usable, speed, stored)


def fill(
    store: Store,
    forward: Forward,
    files: Sequence[File],
    shares: Shares,
    *,
    batch: int,
    workers: int,
) -> Generator[int, None, None]:
    """Compute the rows of `files` and hand them to the store: the local engine.

    Three things at a time: threads decode the batches to come, the network computes, and the
    store's threads write the shards that are full.

    Args:
        store: lacks the rows of `files`, which are in the order of its `missing`.
        forward: the network.
        files: the images.
        shares: is told where the time goes.
        batch: images that the network computes at a time, in as many passes as suits its device.
        workers: threads that decode.

    Yields:
        The number of images of each pass, when its rows are handed in.

    Raises:
        PipelineError: naming a file that changed since it was indexed, or whose features are not
            finite.
    """
    passes = passes_of(min(batch, len(files)), forward.device)
    reader = batches(files, forward.preprocessing, batch=-(-batch // passes), workers=workers)
    with (
        closing(reader),
        closing(compute(forward, shares.over("decode", reader), passes=passes)) as computed,
    ):
        for part, arrays in shares.over("forward", computed):
            with shares.of("write"):
                store.add([file.sha256 for file in part], arrays)
            yield len(part)


def _distinct(index: Sequence[Image]) -> dict[str, str]:
    """sha256 -> path of each different image that can be used; of equal ones, the first."""
    wanted: dict[str, str] = {}
    for row in index:
        if row.status == OK and row.sha256 is not None and row.path is not None:
            wanted.setdefault(row.sha256, row.path)
    return wanted
