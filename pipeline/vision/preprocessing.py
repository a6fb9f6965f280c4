"""The preprocessing of images, as the authors of a network did it, or of the whole picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from PIL.Image import Image, Resampling
from torch import Tensor

from pipeline.errors import PipelineError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

_FILTERS = {"bilinear": Resampling.BILINEAR, "bicubic": Resampling.BICUBIC}

Interpolation = Literal["bilinear", "bicubic"]


@dataclass(frozen=True)
class Preprocessing:
    """Scale the shorter side, crop the centre, normalise: torchvision's `ImageClassification`.

    With `stretch`, scale the whole picture to a square instead, whatever its shape: what the
    network sees is distorted, and nothing is cut off if `resize` is `crop`. So Zhang et al. 2018
    ("resized the images to 224 x 224 pixels").

    Tests hold both bit by bit to torchvision's transforms. It is written out here because its
    halves run in different places: `pixels` on the threads that decode, where it gives bytes,
    `normalize` on a whole batch, on the device.

    Attributes:
        resize: the pixels of the shorter side after scaling; of both with `stretch`.
        crop: the pixels of each side of what the network sees; not above `resize`.
        interpolation: the filter of Pillow, which widens when it scales down (antialiasing).
        mean: what is subtracted from each channel, R, G, B, on the scale 0 to 1.
        std: what each channel is then divided by.
        stretch: whether the picture is stretched to a square first.
        floor: whether half a pixel before the crop is left out, as `transformers` does, or rounded
            to an even number, as torchvision does.
    """

    resize: int
    crop: int
    interpolation: Interpolation = "bilinear"
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    stretch: bool = False
    floor: bool = False

    def __str__(self) -> str:
        """The canonical description, which enters the fingerprint."""
        if self.stretch:
            scaled = f"stretched to {self.resize} x {self.resize} {self.interpolation}"
        else:
            scaled = f"shorter side {self.resize} {self.interpolation}"
        if not self.stretch or self.crop != self.resize:
            scaled += f", centre {self.crop}" + (" from whole pixels" if self.floor else "")
        return f"{scaled}, RGB / 255, mean {self.mean}, std {self.std}"

    def pixels(self, image: Image) -> NDArray[np.uint8]:
        """Scale and crop, or stretch, an RGB image: (crop, crop, 3), 0 to 255."""
        shorter = min(image.size)
        if self.stretch:
            scaled = (self.resize, self.resize)
        elif shorter == self.resize:
            scaled = image.size
        else:
            width, height = (int(self.resize * side / shorter) for side in image.size)
            scaled = (width, height)
        if scaled != image.size:
            image = image.resize(scaled, _FILTERS[self.interpolation])
        rounded = int if self.floor else round
        left, top = (rounded((side - self.crop) / 2) for side in scaled)
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


def interpolation_of(name: str, where: str) -> Interpolation:
    """The filter of that name; `where` says whose it is.

    Raises:
        PipelineError: if it is none of those that are known.
    """
    for known in get_args(Interpolation):
        if name == known:
            found: Interpolation = known
            return found
    raise PipelineError(f"{where} scales by {name!r}; known are {', '.join(_FILTERS)}")
