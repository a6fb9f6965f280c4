"""Run one network on one device: it takes the pixels of images and gives their rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.errors import PipelineError
from pipeline.vision.backbone import Backbone, Features, checked
from pipeline.vision.decode import Pixels

Arrays = dict[str, NDArray[Any]]  # output -> (b, *shape)

LEAST = 8  # images of a pass; with fewer, layers are too small to be computed well


class Forward:
    """Runs a network on at most `limit` images at a time; where memory gives out, on half as many.

    `say` is told at once if the device is slow at the network's precision, and later whenever the
    memory gives out.

    The network is not compiled: `torch.compile` specialises on the length of the batch, so that a
    row could depend on its batch. `placed` fuses what it would fuse on a CPU.

    Attributes:
        limit: how many images a pass takes at most; it is only ever halved.
        preprocessing: what the network's images go through.
        device: where the network runs.
        least: a pass of fewer images than this is slower for each.
    """

    def __init__(
        self,
        backbone: Backbone,
        features: Features,
        device: torch.device,
        limit: int,
        say: Callable[[str], None],
    ) -> None:
        self.limit = limit
        self.preprocessing = backbone.preprocessing
        self._backbone = backbone
        self._features = features.placed(device)
        self.device = device
        self.least = 1 if features.alone else LEAST
        self._say = say
        if features.is_slow_on(device):
            say(
                f"{backbone.name}: this processor has no instructions for {features.precision}, so"
                " that features come out right, but some ten times slower than in float32"
            )

    def rows(self, names: Sequence[str], pixels: Pixels) -> Arrays:
        """Compute the outputs of b images, and bring them to the CPU.

        Args:
            names: the names of the images, (b,), for messages.
            pixels: (b, crop, crop, 3), 0 to 255.

        Raises:
            PipelineError: if a feature is not finite (the message names the image), or if the
                memory does not suffice for a single image.
        """
        given: dict[str, list[NDArray[Any]]] = {name: [] for name in self._features.outputs}
        at = 0
        while at < len(names):
            part = slice(at, at + self.limit)
            arrays = self._tried(names[part], pixels[part])
            if arrays is None:
                self._halve(len(names[part]))
                continue
            for name, array in arrays.items():
                given[name].append(array)
            at = part.stop
        return {name: np.concatenate(arrays) for name, arrays in given.items()}

    def _tried(self, names: Sequence[str], pixels: Pixels) -> Arrays | None:
        """The outputs; None if the memory gave out, so that the error and its tensors are gone."""
        try:
            given = self._pass(pixels)
            return checked(self._backbone.name, self._features.outputs, given, names)
        except torch.OutOfMemoryError:
            return None

    @torch.inference_mode()
    def _pass(self, pixels: Pixels) -> dict[str, Tensor]:
        """Turn bytes (b, crop, crop, 3) into a tensor (b, *shape) per output, on the device."""
        batch = torch.from_numpy(pixels)
        if self.device.type == "cuda":
            batch = batch.pin_memory()
        # as (b, 3, crop, crop), these bytes lie channels-last already
        planes = batch.permute(0, 3, 1, 2).to(self.device, non_blocking=True)
        with _exact(self.device):
            given: dict[str, Tensor] = self._features(self.preprocessing.normalize(planes))
        return given

    def _halve(self, tried: int) -> None:
        if tried == 1:
            raise PipelineError(
                f"{self._backbone.name}: the memory of {self.device} does not suffice for a single"
                " image; free it, or set runtime.device: cpu"
            )
        self.limit = tried // 2
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        self._say(
            f"{self.device} has no memory for {tried} images at a time: going on with"
            f" {self.limit} (runtime.batch: {self.limit} avoids the failed attempts)"
        )


def _exact(device: torch.device) -> AbstractContextManager[None]:
    """Make CUDA compute float32 as float32, and give equal bits for equal batches."""
    if device.type != "cuda":
        return nullcontext()
    flags: AbstractContextManager[None] = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    return flags
