"""Crops of photographs: pictures that differ, yet show the same."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

KEPT = 0.8  # of the width and of the height


def write_crop(photograph: Image.Image, x: float, y: float, path: Path) -> None:
    """Write a crop as JPEG; `x` and `y` say where it lies, in shares of what is cut off."""
    width, height = (round(side * KEPT) for side in photograph.size)
    left = round(x * (photograph.width - width))
    top = round(y * (photograph.height - height))
    photograph.crop((left, top, left + width, top + height)).save(path, quality=90)
