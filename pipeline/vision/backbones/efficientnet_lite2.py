"""EfficientNet-lite2, a larger sister of EfficientNet-lite0; its weights come as a package, too."""

from __future__ import annotations

from pipeline.vision.backbones.efficientnet_lite0 import lite

BACKBONE = lite(
    2,
    version=1,
    side=260,
    sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
)
