"""The names of the classes of each backbone, for stages that read logits without a network."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.errors import PipelineError
from pipeline.vision import imagenet

NAMES: Mapping[str, tuple[str, ...]] = {
    "efficientnet_lite0": imagenet.NAMES,
    "efficientnet_lite1": imagenet.NAMES,
    "efficientnet_lite2": imagenet.NAMES,
    "inception_v3": imagenet.NAMES,
    "resnet50": imagenet.NAMES,
    "timm": imagenet.NAMES,  # of its models with as many classes
    "vgg16": imagenet.NAMES,
}


def class_names(backbone: str) -> tuple[str, ...]:
    """The names of the classes of a backbone, in the order of its logits.

    Raises:
        PipelineError: if the backbone has no entry here.
    """
    if backbone not in NAMES:
        raise PipelineError(
            f"the classes of backbone {backbone!r} have no names; known are those of"
            f" {', '.join(NAMES)} (pipeline/vision/classes.py)"
        )
    return NAMES[backbone]
