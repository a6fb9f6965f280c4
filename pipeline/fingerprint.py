"""The fingerprint of a feature store names all that changes its numbers, and nothing else."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

FORMAT = 1  # to be raised by hand when the layout of the shards changes


def digest(tree: Any) -> str:
    """SHA-256 of the canonical JSON of `tree` (keys sorted, no spaces): what equal trees share.

    Every table says with such a digest what it was made from.

    Raises:
        TypeError, ValueError: if the tree is no JSON: NaN and infinities are none.
    """
    text = json.dumps(tree, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Output:
    """The form of one output of a backbone, for one image.

    Attributes:
        shape: the shape of one row, e.g. (49, 512); () for a single number.
        dtype: NumPy's name of its numbers, of fixed width, e.g. "float16".
    """

    shape: tuple[int, ...]
    dtype: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(int(length) for length in self.shape))
        if any(length < 1 for length in self.shape):
            raise ValueError(f"an output's lengths are positive, not {self.shape}")
        if np.dtype(self.dtype).kind not in "fiu" or np.dtype(self.dtype).name != self.dtype:
            raise ValueError(f"an output's dtype is a name such as 'float16', not {self.dtype!r}")

    @property
    def stored(self) -> np.dtype[Any]:
        """The dtype as it lies in the file: little-endian on every machine."""
        return np.dtype(self.dtype).newbyteorder("<")

    @property
    def row_bytes(self) -> int:
        """The bytes of one image's row."""
        return math.prod(self.shape) * self.stored.itemsize


@dataclass(frozen=True)
class Fingerprint:
    """All that the rows of a store depend on beside the images themselves.

    Batch size, workers, device and engine are not among it, for they may not change a number.

    Attributes:
        backbone: the name of a module of pipeline/vision/backbones.
        version: a number that is raised by hand when the meaning of the backbone's code changes.
        weights_sha256: the SHA-256 of the whole weights file.
        preprocessing: resizing, cropping and normalisation, in words.
        decoder: how image files become pixels, in words.
        precision: the precision of the forward pass: "float32", "bfloat16" or "float16".
        outputs: the outputs that are kept for each image, by name.
    """

    backbone: str
    version: int
    weights_sha256: str
    preprocessing: str
    decoder: str
    precision: str
    outputs: Mapping[str, Output]

    def __post_init__(self) -> None:
        if not self.outputs:
            raise ValueError("a store keeps at least one output")
        for name in self.outputs:
            if not name.isidentifier() or name == "keys":
                raise ValueError(f"an output's name is a plain word other than keys, not {name!r}")

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the canonical JSON (keys sorted, no spaces), with the shards' format."""
        return digest({"format": FORMAT, **self.to_json()})

    def to_json(self) -> dict[str, Any]:
        """The fingerprint as a tree for JSON; `from_json` reads it back."""
        outputs = {
            name: {"shape": list(output.shape), "dtype": output.dtype}
            for name, output in sorted(self.outputs.items())
        }
        tree = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**tree, "outputs": outputs}

    @classmethod
    def from_json(cls, tree: Mapping[str, Any]) -> Fingerprint:
        """Read what `to_json` gave.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: if the tree has another form.
        """
        outputs = {
            name: Output(tuple(output["shape"]), output["dtype"])
            for name, output in tree["outputs"].items()
        }
        return cls(**{**tree, "outputs": outputs})
