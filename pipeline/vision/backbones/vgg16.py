"""VGG-16 of torchvision (Simonyan & Zisserman, Very Deep Convolutional Networks, ICLR 2015)."""

from __future__ import annotations

from torchvision.models import VGG, VGG16_Weights, vgg16

from pipeline.fingerprint import Output
from pipeline.published import Published
from pipeline.vision.backbone import Backbone, Parts
from pipeline.vision.cpu.pooling import halve_by_maximum
from pipeline.vision.preprocessing import Preprocessing

WEIGHTS = VGG16_Weights.IMAGENET1K_V1


def parts(network: VGG) -> Parts:
    """Cut after the last pooling layer: maps of 7 x 7 x 512, which the classifier reads flat.

    torchvision's adaptive pooling to 7 x 7, which stands between, is left out: it changes nothing.
    """
    halve_by_maximum(network.features)
    return Parts(network.features, network.classifier, head_reads="maps")


BACKBONE = Backbone(
    name="vgg16",
    version=1,
    outputs={
        "logits": Output((1000,), "float32"),
        "grid": Output((49, 512), "float16"),
    },
    preprocessing=Preprocessing(resize=256, crop=224),
    weights={
        "imagenet": Published(
            file="vgg16-397923af.pth",
            sha256="397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
            origin=WEIGHTS.url,
        )
    },
    network=vgg16,
    parts=parts,
)
