"""Inception v3 of torchvision (Szegedy et al., Rethinking the Inception Architecture, 2016)."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torchvision.models import Inception3, Inception_V3_Weights, inception_v3

from pipeline.fingerprint import Output
from pipeline.published import Published
from pipeline.vision.backbone import Backbone, Parts
from pipeline.vision.cpu.folding import fold
from pipeline.vision.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing

WEIGHTS = Inception_V3_Weights.IMAGENET1K_V1

LAYERS = (
    "Conv2d_1a_3x3",
    "Conv2d_2a_3x3",
    "Conv2d_2b_3x3",
    "maxpool1",
    "Conv2d_3b_1x1",
    "Conv2d_4a_3x3",
    "maxpool2",
    "Mixed_5b",
    "Mixed_5c",
    "Mixed_5d",
    "Mixed_6a",
    "Mixed_6b",
    "Mixed_6c",
    "Mixed_6d",
    "Mixed_6e",
    "Mixed_7a",
    "Mixed_7b",
    "Mixed_7c",
)


class TransformInput(nn.Module):
    """Turns ImageNet's mean and deviation into 0.5 and 0.5, which the ported weights expect."""

    scale: Tensor
    shift: Tensor

    def __init__(self) -> None:
        super().__init__()
        scale = [deviation / 0.5 for deviation in IMAGENET_STD]
        shift = [(mean - 0.5) / 0.5 for mean in IMAGENET_MEAN]
        self.register_buffer("scale", torch.tensor(scale).view(1, 3, 1, 1))
        self.register_buffer("shift", torch.tensor(shift).view(1, 3, 1, 1))

    def forward(self, batch: Tensor) -> Tensor:
        """(B, 3, 299, 299) -> (B, 3, 299, 299)."""
        return batch * self.scale + self.shift


def parts(network: Inception3) -> Parts:
    """Cut before the average pooling: maps of 8 x 8 x 2048. The auxiliary head is left out."""
    fold(network)
    trunk = nn.Sequential(TransformInput(), *(getattr(network, layer) for layer in LAYERS))
    return Parts(trunk, network.fc, head_reads="pooled")


BACKBONE = Backbone(
    name="inception_v3",
    version=2,
    outputs={
        "logits": Output((1000,), "float32"),
        "pooled": Output((2048,), "float32"),
    },
    preprocessing=Preprocessing(resize=342, crop=299),
    weights={
        "imagenet": Published(
            file="inception_v3_google-0cc3c7bd.pth",
            sha256="0cc3c7bd75056d25e46cba549dc184522069b81e9787eff6df84f397bd52a5ef",
            origin=WEIGHTS.url,
        )
    },
    network=partial(inception_v3, init_weights=True),  # the file holds the auxiliary head, too
    parts=parts,
)
