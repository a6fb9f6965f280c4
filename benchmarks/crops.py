"""Crop photographs: the crops differ, yet show the same."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

KEPT = 0.8  # the share of the width and of the height that a crop keeps


def write_crop(photograph: Image.Image, x: float, y: float, path: Path) -> None:
    """Write a crop as JPEG; `x` and `y` are the shares of the cut-off that lie left and above."""
    width, height = (round(side * KEPT) for side in photograph.size)
    left = round(x * (photograph.width - width))
    top = round(y * (photograph.height - height))
    photograph.crop((left, top, left + width, top + height)).save(path, quality=90)
