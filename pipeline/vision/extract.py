"""The one extraction loop: what the index holds and the store does not goes through the network."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.corpus.images import OK, Image, read_images
from pipeline.corpus.pixels import DECODER
from pipeline.device import find_device
from pipeline.errors import PipelineError
from pipeline.progress import Mode, progress
from pipeline.store.fingerprint import Fingerprint
from pipeline.store.store import Report as Stored
from pipeline.store.store import Store
from pipeline.vision.backbone import Backbone, Features, Precision, checked, load_backbone
from pipeline.vision.decode import File, Pixels, batches
from pipeline.vision.weights import find_weights

Rows = tuple[list[str], dict[str, NDArray[Any]]]  # sha256 of b images; output -> (b, *shape)


@dataclass(frozen=True)
class Report:
    """What an extraction did; `str(report)` is for the terminal.

    Attributes:
        images: ids whose image can be used.
        distinct: different images among them (by content).
        computed: images that went through the network in this run.
        masked: ids whose image cannot be used.
        stored: what became of the store.
    """

    images: int
    distinct: int
    computed: int
    masked: int
    stored: Stored

    def __str__(self) -> str:
        noun = "image" if self.computed == 1 else "images"
        return (
            f"{self.computed} {noun} computed, {self.distinct - self.computed} reused"
            f" ({self.images} usable ids, {self.distinct} distinct images, {self.masked} masked)\n"
            f"{self.stored}"
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
    mode: Mode = "none",
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
        batch: images a forward pass. It, and what follows, changes no number.
        workers: threads that decode.
        device: "auto", "cpu", "cuda", "cuda:1".
        mode: how progress is shown.

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
    computed = 0
    with Store(store_dir, fingerprint) as writer:
        missing = [File(image_folder / wanted[key], key) for key in writer.missing(wanted)]
        if missing:
            features = network.build(found.load(), kept, precision).to(find_device(device))
            rows = compute(network, features, missing, batch=batch, workers=workers)
            with closing(rows):
                shown = progress(
                    rows, len(missing), "images", mode, title=store_dir.name, weight=_length
                )
                for keys, arrays in shown:
                    writer.add(keys, arrays)
                    computed += len(keys)
        stored = writer.finish()
    usable = sum(row.status == OK for row in index)
    return Report(usable, len(wanted), computed, len(index) - usable, stored)


def compute(
    backbone: Backbone, features: Features, files: Sequence[File], *, batch: int, workers: int
) -> Generator[Rows, None, None]:
    """Run `features` over `files` in their order: reading and decoding on threads, then forward.

    Raises:
        PipelineError: naming a file that changed since it was indexed, or whose features are not
            finite.
    """
    with closing(batches(files, backbone.preprocessing, batch=batch, workers=workers)) as reader:
        for part, pixels in reader:
            given = _forward(backbone, features, pixels)
            names = [str(file.path) for file in part]
            arrays = checked(backbone.name, features.outputs, given, names)
            yield [file.sha256 for file in part], arrays


@torch.inference_mode()  # here and not around the generator's loop: it would reach its consumer
def _forward(backbone: Backbone, features: Features, pixels: Pixels) -> dict[str, Tensor]:
    """(b, crop, crop, 3) bytes to a tensor (b, *shape) for each output, on the network's device."""
    device = next(features.parameters()).device
    # seen as (b, 3, crop, crop), the bytes lie channels-last already
    planes = torch.from_numpy(pixels).permute(0, 3, 1, 2).to(device)
    # on CUDA, float32 means float32, and equal batches give equal bits
    with torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    ):
        given: dict[str, Tensor] = features(backbone.preprocessing.normalize(planes))
    return given


def _distinct(index: Sequence[Image]) -> dict[str, str]:
    """sha256 -> path of each different image that can be used; of equal ones, the first."""
    wanted: dict[str, str] = {}
    for row in index:
        if row.status == OK and row.sha256 is not None and row.path is not None:
            wanted.setdefault(row.sha256, row.path)
    return wanted


def _length(rows: Rows) -> int:
    return len(rows[0])
