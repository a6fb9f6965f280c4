"""The preprocessing of images, as the authors of a network did it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL.Image import Image, Resampling
from torch import Tensor

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

_FILTERS = {"bilinear": Resampling.BILINEAR, "bicubic": Resampling.BICUBIC}


@dataclass(frozen=True)
class Preprocessing:
    """Scale the shorter side, crop the centre, normalise: torchvision's `ImageClassification`.

    Tests hold it bit by bit to torchvision's transform. It is written out here because its halves
    run in different places: `pixels` on the threads that decode, where it gives bytes, `normalize`
    on a whole batch, on the device.

    Attributes:
        resize: the pixels of the shorter side after scaling.
        crop: the pixels of each side of the centre that is kept; not above `resize`.
        interpolation: the filter of Pillow, which widens when it scales down (antialiasing).
        mean: what is subtracted from each channel, R, G, B, on the scale 0 to 1.
        std: what each channel is then divided by.
    """

    resize: int
    crop: int
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD

    def __str__(self) -> str:
        """The canonical description, which enters the fingerprint."""
        return (
            f"shorter side {self.resize} {self.interpolation}, centre {self.crop}, RGB / 255,"
            f" mean {self.mean}, std {self.std}"
        )

    def pixels(self, image: Image) -> NDArray[np.uint8]:
        """Scale and crop an RGB image: (crop, crop, 3), 0 to 255."""
        width, height = image.size
        shorter = min(width, height)
        if shorter != self.resize:
            width, height = (int(self.resize * side / shorter) for side in image.size)
            image = image.resize((width, height), _FILTERS[self.interpolation])
        left, top = (round((side - self.crop) / 2) for side in (width, height))
        return np.asarray(image.crop((left, top, left + self.crop, top + self.crop)))

    def normalize(self, batch: Tensor) -> Tensor:
        """Turn uint8 (B, 3, crop, crop) into float32: channel less mean, by standard deviation."""
        width = batch.shape[3]
        mean, std = (
            torch.tensor(values, device=batch.device).repeat(width)
            for values in (self.mean, self.std)
        )
        # by whole rows as the pixels lie, R G B R G B: pixel by pixel is half as fast
        rows = batch.permute(0, 2, 3, 1).flatten(2).float()  # (B, crop, crop x 3)
        rows = rows.div_(255).sub_(mean).div_(std)
        planes: Tensor = rows.unflatten(2, (width, 3)).permute(0, 3, 1, 2)
        return planes
