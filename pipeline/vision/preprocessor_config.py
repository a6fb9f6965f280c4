"""Read `preprocessor_config.json`, which says what `transformers` does to an image."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError
from pipeline.pretrained import read_object
from pipeline.vision.preprocessing import Interpolation, Preprocessing

FILTERS: Mapping[int, Interpolation] = {2: "bilinear", 3: "bicubic"}  # Pillow's numbers
STEPS = ("do_resize", "do_rescale", "do_normalize")
SHORTER = "shortest_edge"


def read_preprocessing(path: Path) -> Preprocessing:
    """The same preprocessing, by Pillow.

    Raises:
        PipelineError: if the file is missing or damaged, or asks for a step that is not known here.
    """
    told = read_object(path)
    try:
        made = _preprocessing(told)
    except (KeyError, TypeError, ValueError) as error:
        raise PipelineError(
            f"{path}: {error}: known are images that are scaled to a side or a square, cropped in"
            " the centre to a square, and normalised in three channels"
        ) from None
    return made


def _preprocessing(told: Mapping[str, Any]) -> Preprocessing:
    for step in STEPS:
        if not told.get(step, True):
            raise ValueError(f"{step} is false")
    if abs(255 * told.get("rescale_factor", 1 / 255) - 1) > 1e-6:
        raise ValueError("rescale_factor is not 1/255")
    scaled = told["size"]
    shorter = not isinstance(scaled, Mapping) or SHORTER in scaled
    resize = _side(scaled)
    crop = _side(told["crop_size"]) if told.get("do_center_crop", shorter) else resize
    if crop > resize or (shorter and not told.get("do_center_crop", True)):
        raise ValueError(f"size {scaled} without a crop inside")
    mean, std = _channels(told["image_mean"]), _channels(told["image_std"])
    if not all(map(math.isfinite, (*mean, *std))) or min(std) <= 0:
        raise ValueError(f"image_mean {mean} and image_std {std}")
    interpolation = FILTERS[told.get("resample", 3)]
    return Preprocessing(resize, crop, interpolation, mean, std, stretch=not shorter, floor=True)


def _side(told: Any) -> int:
    """The side of a square, or the shorter one; older files give a number alone."""
    sides = set(told.values()) if isinstance(told, Mapping) else {told}
    if len(sides) != 1:
        raise ValueError(f"{told} is no square")
    return int(sides.pop())


def _channels(told: Any) -> tuple[float, float, float]:
    red, green, blue = map(float, told)
    return red, green, blue
