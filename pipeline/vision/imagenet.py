"""The names of ImageNet's 1000 classes, in the order of every network trained on them."""

from __future__ import annotations

from functools import cache


@cache
def categories() -> tuple[str, ...]:
    """The names that torchvision carries; two occur twice ("crane", "maillot")."""
    # imported here: it takes seconds, and only image words need the names
    from torchvision.models import ResNet50_Weights

    return tuple(ResNet50_Weights.IMAGENET1K_V1.meta["categories"])
