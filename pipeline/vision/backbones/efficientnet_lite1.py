"""EfficientNet-lite1, a larger sister of EfficientNet-lite0; its weights come as a package, too."""

from __future__ import annotations

from pipeline.vision.backbones.efficientnet_lite0 import lite

BACKBONE = lite(
    1,
    version=1,
    side=240,
    sha256="77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
)
