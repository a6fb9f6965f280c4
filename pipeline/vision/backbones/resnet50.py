"""ResNet-50 of torchvision (He et al., Deep Residual Learning for Image Recognition, CVPR 2016)."""

from __future__ import annotations

from torch import nn
from torchvision.models import ResNet, ResNet50_Weights, resnet50

from pipeline.fingerprint import Output
from pipeline.published import Published
from pipeline.vision.backbone import Backbone, Parts
from pipeline.vision.cpu.folding import fold
from pipeline.vision.preprocessing import Preprocessing

WEIGHTS = ResNet50_Weights.IMAGENET1K_V1


def parts(network: ResNet) -> Parts:
    """Cut before the average pooling: maps of 7 x 7 x 2048."""
    fold(network)
    trunk = nn.Sequential(
        network.conv1,
        network.bn1,
        network.relu,
        network.maxpool,
        network.layer1,
        network.layer2,
        network.layer3,
        network.layer4,
    )
    return Parts(trunk, network.fc, head_reads="pooled")


BACKBONE = Backbone(
    name="resnet50",
    version=3,
    outputs={
        "logits": Output((1000,), "float32"),
        "pooled": Output((2048,), "float32"),
        "grid": Output((49, 2048), "float16"),
    },
    preprocessing=Preprocessing(resize=256, crop=224),
    weights={
        "imagenet": Published(
            file="resnet50-0676ba61.pth",
            sha256="0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a",
            origin=WEIGHTS.url,
        )
    },
    network=resnet50,
    parts=parts,
)
