"""Any model of timm (https://github.com/huggingface/pytorch-image-models), with a file of weights.

Params say its name and the file; timm itself downloads nothing here. How an image is scaled,
cropped and normalised is what timm says of this model, and its tag if the name has one.

`grid` is what the model gives before its head (`forward_features`): each pixel of the map of a
convolutional network; each patch of a transformer after its last norm, without class and register
tokens. A model that does not say which of its tokens are patches gives none. `pooled` is what the
model's own head pools from it, `logits` what its classifier then says.
"""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.errors import PipelineError
from pipeline.fingerprint import Output
from pipeline.params.block import nearest
from pipeline.params.extract import Extract, ModelFile
from pipeline.vision.backbone import Backbone, Parts, made_on_cpu
from pipeline.vision.preprocessing import Preprocessing, interpolation_of
from pipeline.vision.weights import Weights

VERSION = 1


def find(params: Extract, weights_dir: Path | None) -> tuple[Backbone, Weights]:
    """The model that params name, and its weights.

    Raises:
        PipelineError: for a name that timm does not know, a model that is not read in this way, or
            a file that is missing or another.
    """
    if not isinstance(params.weights, ModelFile):
        raise PipelineError(
            f"weights {params.weights!r}: for timm they are two keys, `model`, its name in timm,"
            " and `file`"
        )
    backbone = of_model(params.weights.model)
    return backbone, backbone.find_weights(params.weights.file, params.sha256, weights_dir)


def of_model(model: str) -> Backbone:
    """Describe a model; its weights are not needed.

    Raises:
        PipelineError: if timm does not know it, or if its images or states have another form.
    """
    with torch.device("meta"):  # shapes alone
        network = _create(model).eval()
    preprocessing = _preprocessing(model, network.pretrained_cfg)
    return Backbone(
        name="timm",
        version=VERSION,
        outputs=_outputs(model, network, preprocessing.crop),
        preprocessing=preprocessing,
        weights={},
        network=partial(made_on_cpu, _create, model),
        parts=parts,
        facts={"model": model.partition(".")[0]},
    )


def parts(network: Any) -> Parts:
    """Cut behind the last layer and its norm, where the model's own head begins."""
    return Parts(
        Trunk(network),
        Head(network, classify=True),
        head_reads="states",
        grid=Grid(network),
        pool=Head(network, classify=False),
        alone=True,
    )


class Trunk(nn.Module):
    """All before the head."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: Tensor) -> Tensor:
        """(B, 3, crop, crop) -> maps (B, C, h, w) or (B, h, w, C), or tokens (B, N, C)."""
        states: Tensor = self.network.forward_features(batch)
        return states


class Head(nn.Module):
    """The head: as far as it pools, or with its classifier."""

    def __init__(self, network: Any, *, classify: bool) -> None:
        super().__init__()
        self.network = network
        self.classify = classify

    def forward(self, states: Tensor) -> Tensor:
        """What the trunk gave -> (B, n) or (B, classes)."""
        given: Tensor = self.network.forward_head(states, pre_logits=not self.classify)
        return given


class Grid(nn.Module):
    """The regions: pixels of maps, or tokens of patches."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.before = getattr(network, "num_prefix_tokens", None)
        self.channels_last = getattr(network, "output_fmt", "NCHW") == "NHWC"

    def forward(self, states: Tensor) -> Tensor:
        """What the trunk gave -> (B, regions, C)."""
        if states.dim() == 3:
            return states[:, self.before :]
        return states.flatten(1, 2) if self.channels_last else states.flatten(2).transpose(1, 2)

    def can_read(self, states: Tensor) -> bool:
        """Whether these are a square of regions, by what the model says of them."""
        if states.dim() == 3:
            if self.before is None:
                return False
            patches = states.shape[1] - self.before
            return bool(math.isqrt(patches) ** 2 == patches)
        height, width = states.shape[1:3] if self.channels_last else states.shape[2:]
        return bool(height == width)


def _create(model: str) -> Any:
    import timm  # here: it takes seconds, and other backbones do without

    name = model.partition(".")[0]
    if not timm.is_model(name):
        hint = nearest(name, timm.list_models())
        raise PipelineError(f"timm has no model {model!r}{hint}")
    try:
        return timm.create_model(model, pretrained=False)
    except RuntimeError as error:  # an unknown tag
        known = ", ".join(timm.list_pretrained(f"{name}.*")) or "none with a tag"
        raise PipelineError(f"timm has no model {model!r} ({error}); it has {known}") from None


def _outputs(model: str, network: Any, crop: int) -> dict[str, Output]:
    """What the model gives, from one pass of shapes."""
    grid, made = Grid(network), parts(network)
    states = made.trunk(torch.empty(1, 3, crop, crop, device="meta"))
    if not isinstance(states, Tensor):
        raise PipelineError(f"timm's {model} ends in several tensors, and one is read here")
    outputs = {}
    if network.num_classes > 0:
        outputs["logits"] = Output(tuple(made.head(states).shape[1:]), "float32")
    outputs["pooled"] = Output(tuple(made.pool(states).shape[1:]), "float32")
    if grid.can_read(states):
        outputs["grid"] = Output(tuple(grid(states).shape[1:]), "float16")
    return outputs


def _preprocessing(model: str, told: dict[str, Any]) -> Preprocessing:
    """What timm does to an image before this model, for evaluation (`timm.data`)."""
    from timm.data.config import resolve_data_config

    config = resolve_data_config(pretrained_cfg=told)
    channels, height, width = config["input_size"]
    mode, share = config["crop_mode"], config["crop_pct"]
    if channels != 3 or height != width or mode not in ("center", "squash") or share > 1:
        raise PipelineError(
            f"timm's {model} reads {height} x {width} pixels in {channels} channels, cropped by"
            f" {share} ({mode}): only squares of RGB, center or squash, of at most 1 are known"
        )
    return Preprocessing(
        resize=math.floor(height / share),
        crop=height,
        interpolation=interpolation_of(config["interpolation"], f"timm's {model}"),
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
        stretch=mode == "squash",
    )
