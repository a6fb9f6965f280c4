"""The contract that every backbone keeps: what it gives, what it needs, and how it is checked.

A backbone is one module of `pipeline/vision/backbones` with a constant `BACKBONE`. To add one,
add such a module; if it gives logits, `pipeline/vision/classes.py` names their classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pipeline.errors import PipelineError
from pipeline.fingerprint import Output
from pipeline.members import member, members
from pipeline.params.block import nearest
from pipeline.params.extract import Precision, Resize
from pipeline.published import Published
from pipeline.vision import backbones
from pipeline.vision.cpu.fusing import fuse
from pipeline.vision.cpu.processor import emulates
from pipeline.vision.cpu.steady import Steady
from pipeline.vision.preprocessing import Preprocessing
from pipeline.vision.weights import State


@dataclass(frozen=True)
class Parts:
    """A published network, cut where features are taken.

    Attributes:
        trunk: the network up to the cut, (B, 3, crop, crop) -> maps (B, C, h, w).
        head: the network behind the cut, (B, n) -> (B, classes).
        head_reads: what the head takes: "pooled", the mean of the maps (n = C), or "maps",
            flattened (n = C x h x w).
    """

    trunk: nn.Module
    head: nn.Module
    head_reads: Literal["pooled", "maps"]


@dataclass(frozen=True)
class Backbone:
    """A published image network and what it can give.

    Attributes:
        name: the name of its module.
        version: a number that is raised by hand when the meaning of its code changes; it enters the
            fingerprint.
        outputs: all that it can give of "logits" (classes,), "pooled" (C,) and "grid" (h x w, C),
            whose regions go row by row from the top left.
        preprocessing: what its authors did to an image, unless `resizing` changed it.
        weights: the published weights, by name.
        network: makes the network as published; its state dict has the keys of the weights file.
        parts: cuts the network.
    """

    name: str
    version: int
    outputs: Mapping[str, Output]
    preprocessing: Preprocessing
    weights: Mapping[str, Published]
    network: Callable[[], nn.Module]
    parts: Callable[[Any], Parts]

    def resizing(self, resize: Resize) -> Backbone:
        """The same network, which sees the centre of a picture or the whole picture."""
        stretch = resize == "stretch"
        return replace(self, preprocessing=replace(self.preprocessing, stretch=stretch))

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
            raise PipelineError(f"these weights are not {self.name}'s: {error}") from None
        network.eval().requires_grad_(False)
        parts = self.parts(network)
        for layer in parts.trunk.modules():  # converts weights once instead of in each pass
            if isinstance(layer, nn.Conv2d):
                layer.to(getattr(torch, precision))
        return Features(parts, outputs, precision).to(memory_format=torch.channels_last)


class Features(nn.Module):
    """The cut network: (B, 3, crop, crop) float32 -> a tensor (B, *shape) for each output.

    The trunk runs in `precision`; pooling and head always run in float32.
    """

    def __init__(
        self, parts: Parts, outputs: Mapping[str, Output], precision: Precision = "float32"
    ) -> None:
        super().__init__()
        self.outputs = dict(outputs)
        self.trunk = parts.trunk
        self.head = parts.head if "logits" in outputs else None
        self.head_reads = parts.head_reads
        self.precision = precision
        self._dtype = getattr(torch, precision)

    def placed(self, device: torch.device) -> Features:
        """The same network on `device`, in the form that runs fastest there."""
        if device.type != "cpu":
            return self.to(device)
        parts = Parts(fuse(self.trunk), self.head or nn.Identity(), self.head_reads)
        return Features(parts, self.outputs, self.precision)

    def is_slow_on(self, device: torch.device) -> bool:
        """Whether `device` has no instructions for this precision, so that float32 is faster."""
        return emulates(device, self._dtype)

    def forward(self, batch: Tensor) -> dict[str, Tensor]:
        """Compute the outputs, each in its declared dtype."""
        with Steady():
            given = self._given(batch)
        return {
            name: given[name].to(getattr(torch, output.dtype))
            for name, output in self.outputs.items()
            if name in given
        }

    def _given(self, batch: Tensor) -> dict[str, Tensor]:
        full = self.precision == "float32"
        with nullcontext() if full else torch.autocast(batch.device.type, self._dtype):
            maps = self.trunk(batch)  # (B, C, h, w)
        given = {}
        if "grid" in self.outputs:
            given["grid"] = maps.flatten(2).transpose(1, 2)  # (B, h x w, C)
        if self.head is None and "pooled" not in self.outputs:
            return given
        maps = maps.float()
        pooled = maps.mean((2, 3))  # (B, C)
        if "pooled" in self.outputs:
            given["pooled"] = pooled
        if self.head is not None:
            given["logits"] = self.head(pooled if self.head_reads == "pooled" else maps.flatten(1))
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


def known_backbones() -> list[str]:
    """The names of all backbones."""
    return members(backbones)


def load_backbone(name: str) -> Backbone:
    """Import the backbone called `name`.

    Raises:
        PipelineError: if there is none; the message names the nearest one.
    """
    backbone: Backbone = member(backbones, "backbone", name).BACKBONE
    return backbone
