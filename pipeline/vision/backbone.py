"""The contract that every backbone keeps: what it gives, what it needs, and how it is checked.

A backbone is one module of `pipeline/vision/backbones`. If it is one published network, it has a
constant `BACKBONE`; if params say which network it is, a function `find(params, weights_dir)` that
gives it and its weights. If it gives logits, `pipeline/vision/classes.py` names their classes.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pipeline.errors import PipelineError
from pipeline.fingerprint import Output
from pipeline.members import member, members
from pipeline.params.block import nearest
from pipeline.params.extract import Extract, Precision, Resize
from pipeline.published import Published
from pipeline.vision import backbones
from pipeline.vision.cpu.alone import one_by_one
from pipeline.vision.cpu.fusing import fuse
from pipeline.vision.cpu.processor import emulates
from pipeline.vision.cpu.steady import Steady
from pipeline.vision.preprocessing import Preprocessing
from pipeline.vision.weights import State, Weights, find_weights

PUBLISHED = "BACKBONE"  # what a module calls its one published network


class Regions(nn.Module):
    """Maps (B, C, h, w) -> (B, h x w, C), row by row from the top left."""

    def forward(self, maps: Tensor) -> Tensor:
        """See the class."""
        return maps.flatten(2).transpose(1, 2)


class Mean(nn.Module):
    """Maps (B, C, h, w) -> (B, C)."""

    def forward(self, maps: Tensor) -> Tensor:
        """See the class."""
        return maps.mean((2, 3))


@dataclass(frozen=True)
class Parts:
    """A network, cut where features are taken.

    Attributes:
        trunk: the network up to the cut, (B, 3, crop, crop) -> states: maps (B, C, h, w), or
            whatever the other parts read.
        head: the network behind the cut, -> (B, classes).
        head_reads: what the head takes: "pooled"; "maps", flattened to (B, C x h x w); or "states",
            as the trunk gives them.
        grid: states -> (B, regions, C).
        pool: states -> (B, n).
        alone: whether the trunk has more than convolutions, sums and cuts at zero. What `cpu`
            knows of those does not hold for it, so that images go through it one by one there.
    """

    trunk: nn.Module
    head: nn.Module
    head_reads: Literal["pooled", "maps", "states"]
    grid: nn.Module = field(default_factory=Regions)
    pool: nn.Module = field(default_factory=Mean)
    alone: bool = False


@dataclass(frozen=True)
class Backbone:
    """An image network and what it can give.

    Attributes:
        name: the name of its module.
        version: a number that is raised by hand when the meaning of its code changes; it enters the
            fingerprint.
        outputs: all that it can give of "logits" (classes,), "pooled" (n,) and "grid" (h x w, C),
            whose regions go row by row from the top left.
        preprocessing: what its authors did to an image, unless `resizing` changed it.
        weights: the published weights, by name.
        network: makes the network as published; its state dict has the keys of the weights file.
        parts: cuts the network.
        facts: what else the rows depend on, by name: "model", where params say which network it
            is.
    """

    name: str
    version: int
    outputs: Mapping[str, Output]
    preprocessing: Preprocessing
    weights: Mapping[str, Published]
    network: Callable[[], nn.Module]
    parts: Callable[[Any], Parts]
    facts: Mapping[str, str] = field(default_factory=dict)

    def resizing(self, resize: Resize) -> Backbone:
        """The same network, which sees what its authors let it see, or the whole picture."""
        if resize == "crop":
            return self
        whole = replace(self.preprocessing, stretch=True, resize=self.preprocessing.crop)
        return replace(self, preprocessing=whole)

    def select(self, names: Sequence[str]) -> dict[str, Output]:
        """The outputs of these names.

        Raises:
            PipelineError: if this backbone does not give one of them.
        """
        for name in names:
            if name not in self.outputs:
                known = ", ".join(self.outputs)
                hint = nearest(name, self.outputs)
                raise PipelineError(f"{self.name} has no output {name!r}{hint}; it gives {known}")
        return {name: self.outputs[name] for name in names}

    def find_weights(self, weights: str, sha256: str | None, weights_dir: Path | None) -> Weights:
        """Its weights of this name, or of this file; raises as `weights.find_weights` does."""
        return find_weights(
            weights, self.weights, self.network, sha256=sha256, weights_dir=weights_dir
        )

    def build(self, state: State, outputs: Mapping[str, Output], precision: Precision) -> Features:
        """Build the network with the weights `state`; it computes `outputs` and nothing else.

        Raises:
            PipelineError: if the weights belong to another network.
        """
        # the weights are replaced at once: they need neither memory nor random numbers
        with torch.device("meta"):
            network = self.network()
        try:
            network.load_state_dict(state, assign=True)
        except RuntimeError as error:
            called = self.facts.get("model", self.name)
            reason = "\n".join(textwrap.shorten(line, 300) for line in str(error).splitlines()[:2])
            raise PipelineError(f"these weights are not {called}'s: {reason}") from None
        network.float().eval().requires_grad_(False)
        parts = self.parts(network)
        if not parts.alone:
            for layer in parts.trunk.modules():  # converts weights once instead of in each pass
                if isinstance(layer, nn.Conv2d):
                    layer.to(getattr(torch, precision))
        return Features(parts, outputs, precision).to(memory_format=torch.channels_last)


class Features(nn.Module):
    """The cut network: (B, 3, crop, crop) float32 -> a tensor (B, *shape) for each output.

    The trunk runs in `precision`; pooling and head always run in float32.

    Attributes:
        alone: whether images go through it one by one on a CPU.
    """

    def __init__(
        self, parts: Parts, outputs: Mapping[str, Output], precision: Precision = "float32"
    ) -> None:
        super().__init__()
        self.outputs = dict(outputs)
        self.trunk = parts.trunk
        self.grid = parts.grid
        self.pool = parts.pool
        self.head = parts.head if "logits" in outputs else None
        self.head_reads = parts.head_reads
        self.alone = parts.alone
        self.precision = precision
        self._dtype = getattr(torch, precision)

    def placed(self, device: torch.device) -> Features:
        """The same network on `device`, in the form that runs fastest there."""
        if device.type != "cpu" or self.alone:
            return self.to(device)
        head = self.head or nn.Identity()
        parts = Parts(fuse(self.trunk), head, self.head_reads, self.grid, self.pool)
        return Features(parts, self.outputs, self.precision)

    def is_slow_on(self, device: torch.device) -> bool:
        """Whether `device` has no instructions for this precision, so that float32 is faster."""
        return emulates(device, self._dtype)

    def forward(self, batch: Tensor) -> dict[str, Tensor]:
        """Compute the outputs, each in its declared dtype."""
        if not self.alone:
            with Steady():
                given = self._given(batch)
        elif batch.device.type == "cpu":
            given = one_by_one(self._given, batch)
        else:
            given = self._given(batch)
        return {
            name: given[name].to(getattr(torch, output.dtype))
            for name, output in self.outputs.items()
            if name in given
        }

    def _given(self, batch: Tensor) -> dict[str, Tensor]:
        full = self.precision == "float32"
        with nullcontext() if full else torch.autocast(batch.device.type, self._dtype):
            states = self.trunk(batch)
        given = {}
        if "grid" in self.outputs:
            given["grid"] = self.grid(states)  # (B, regions, C)
        if self.head is None and "pooled" not in self.outputs:
            return given
        states = states.float()
        pooled = self.pool(states)  # (B, n)
        if "pooled" in self.outputs:
            given["pooled"] = pooled
        if self.head is not None:
            read = {"pooled": pooled, "states": states}.get(self.head_reads)
            given["logits"] = self.head(states.flatten(1) if read is None else read)
        return given


def checked(
    backbone: str,
    outputs: Mapping[str, Output],
    given: Mapping[str, Tensor],
    images: Sequence[str],
) -> dict[str, NDArray[Any]]:
    """Check that a network gave for `images` what it declares, and bring it to the CPU.

    Raises:
        PipelineError: if a name, shape or dtype is not as declared, or if a number is not finite;
            the message names the output, and in the latter case the image.
    """
    if set(given) != set(outputs):
        raise PipelineError(f"{backbone} gave {sorted(given)}, but declares {sorted(outputs)}")
    arrays = {}
    for name, output in outputs.items():
        tensor = given[name]
        shape, dtype = (len(images), *output.shape), getattr(torch, output.dtype)
        if tuple(tensor.shape) != shape or tensor.dtype != dtype:
            raise PipelineError(
                f"{backbone}: {name!r} is {tuple(tensor.shape)} {tensor.dtype}, but declared to be"
                f" {shape} {dtype}"
            )
        finite = tensor.isfinite().flatten(1).all(1)  # (B,)
        if not finite.all():
            image = images[int(finite.int().argmin())]
            raise PipelineError(
                f"{image}: {backbone} gave a number that is not finite in {name!r}; if the image"
                " is sound, choose another precision"
            )
        arrays[name] = np.ascontiguousarray(tensor.cpu().numpy())
    return arrays


def made_on_cpu(create: Callable[..., Any], *given: Any) -> nn.Module:
    """`create(*given)` with memory, even where all is made without: some tensors are in no file."""
    with torch.device("cpu"):
        network: nn.Module = create(*given)
    return network


def known_backbones() -> list[str]:
    """The names of all backbones that are one published network."""
    return [name for name in members(backbones) if hasattr(_module(name), PUBLISHED)]


def load_backbone(name: str) -> Backbone:
    """Import the published network called `name`.

    Raises:
        PipelineError: if there is none; the message names the nearest one.
    """
    backbone: Backbone | None = getattr(_module(name), PUBLISHED, None)
    if backbone is None:
        raise PipelineError(f"{name} has no published weights: params name a file of yours")
    return backbone


def find_backbone(params: Extract, weights_dir: Path | None) -> tuple[Backbone, Weights]:
    """Find the network that a role's block says, and its weights, which are not loaded yet.

    Raises:
        PipelineError: if a name is unknown, or weights are missing or wrong.
    """
    module = _module(params.backbone)
    if hasattr(module, "find"):
        return module.find(params, weights_dir)  # type: ignore[no-any-return]
    backbone = load_backbone(params.backbone)
    if not isinstance(params.weights, str):
        raise PipelineError(f"{backbone.name} is one network: its weights are a name or a file")
    return backbone, backbone.find_weights(params.weights, params.sha256, weights_dir)


def _module(name: str) -> ModuleType:
    return member(backbones, "backbone", name)
