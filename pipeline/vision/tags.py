"""Take image words, the most probable classes of each image, from cached logits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import PipelineError
from pipeline.store.reader import Reader
from pipeline.tables.image_words import write_image_words
from pipeline.vision.classes import class_names

LOGITS = "logits"
BLOCK = 1024  # images at a time


@dataclass(frozen=True)
class Report:
    """What was written; `str(report)` is for the terminal."""

    images: int
    top_k: int
    backbone: str

    def __str__(self) -> str:
        return f"{self.images} images: the {self.top_k} most probable classes of {self.backbone}"


def tags(store_dir: Path, tags_path: Path, top_k: int) -> Report:
    """Write the `top_k` most probable classes of each image of a feature store.

    The table has a row for each image, sorted by its sha256, with its classes, best first, their
    names and their probabilities (`pipeline.tables.image_words`).

    Args:
        store_dir: a feature store that keeps "logits".
        tags_path: the table to be written.
        top_k: the number of classes of each image.

    Raises:
        PipelineError: if the store keeps no logits, or if there are fewer classes than `top_k`.
    """
    reader = Reader(store_dir)
    reader.check()
    backbone = reader.fingerprint.backbone
    if LOGITS not in reader.outputs:
        raise PipelineError(
            f"{store_dir}: this store keeps {', '.join(reader.outputs)}, and tags are made from"
            " logits: add logits to extract.tags.outputs"
        )
    (count,) = reader.outputs[LOGITS].shape
    if top_k > count:
        raise PipelineError(f"tags.top_k is {top_k}, but {backbone} has {count} classes")
    keys = sorted(reader.keys)
    chosen, probabilities = [], []
    for start in range(0, len(keys), BLOCK):
        best, share = top(reader.rows(LOGITS, keys[start : start + BLOCK]), top_k)
        chosen += best.tolist()
        probabilities += share.tolist()
    names = class_names(backbone)
    if len(names) != count:
        raise PipelineError(
            f"{store_dir}: {backbone} gave logits of {count} classes, and names are known for"
            f" {len(names)}, ImageNet's: choose a model that was trained on those"
        )
    write_image_words(tags_path, keys, chosen, probabilities, names, reader.fingerprint)
    return Report(len(keys), top_k, backbone)


def top(logits: NDArray[np.floating], k: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The k most probable classes of each row and their probabilities, best first.

    Args:
        logits: (n, classes).
        k: at most the number of classes.

    Returns:
        The classes (n, k) and their probabilities (n, k): softmax over all classes, in double
        precision. Equal logits are ordered by class.
    """
    best = np.argsort(-logits, axis=1, kind="stable")[:, :k].astype(np.int32)  # (n, k)
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    shares = powers / powers.sum(axis=1, keepdims=True)  # (n, classes)
    return best, np.take_along_axis(shares, best, axis=1).astype(np.float32)
