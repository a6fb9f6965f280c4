"""The fingerprint of a feature store names all that changes its numbers, and nothing else."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np

FORMAT = 1  # to be raised by hand when the layout of the shards changes
STEPS = 16  # a ragged row has about so many: a post has 17 words


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
    """The form of one output of a network, for one image or post.

    Attributes:
        shape: the shape of one row, e.g. (49, 512); () for a single number.
        dtype: NumPy's name of its numbers, of fixed width, e.g. "float16".
        ragged: whether rows differ in length: a row is then (T, *shape), with a T of its own.
    """

    shape: tuple[int, ...]
    dtype: str
    ragged: bool = False

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
        """The bytes of one row; of one step of it, if rows are ragged."""
        return math.prod(self.shape) * self.stored.itemsize

    @property
    def about_bytes(self) -> int:
        """The bytes of one row; of one of usual length, if rows are ragged."""
        return self.row_bytes * (STEPS if self.ragged else 1)


@dataclass(frozen=True)
class Fingerprint:
    """All that the rows of a store depend on beside the images, or posts, themselves.

    Batch size, workers, device and engine are not among it, for they may not change a number.

    Attributes:
        backbone: the name of a module of pipeline/vision/backbones or pipeline/language/encoders.
        version: a number that is raised by hand when the meaning of the module's code changes.
        weights_sha256: the SHA-256 of the whole weights file.
        preprocessing: resizing, cropping and normalisation, or what becomes of words, in words.
        decoder: how image files become pixels, or words pieces, in words.
        precision: the precision of the forward pass: "float32", "bfloat16" or "float16".
        outputs: the outputs that are kept for each image or post, by name.
        facts: what else the rows depend on, by name; nothing for a published image network.
    """

    backbone: str
    version: int
    weights_sha256: str
    preprocessing: str
    decoder: str
    precision: str
    outputs: Mapping[str, Output]
    facts: Mapping[str, str] = field(default_factory=dict)

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
        """The fingerprint as a tree for JSON; `from_json` reads it back.

        What no published image network has is left out, so that the digests of their stores stay.
        """
        outputs = {
            name: {"shape": list(output.shape), "dtype": output.dtype}
            | ({"ragged": True} if output.ragged else {})
            for name, output in sorted(self.outputs.items())
        }
        tree = {part.name: getattr(self, part.name) for part in fields(self)}
        facts = tree.pop("facts")
        return {**tree, "outputs": outputs} | ({"facts": dict(facts)} if facts else {})

    @classmethod
    def from_json(cls, tree: Mapping[str, Any]) -> Fingerprint:
        """Read what `to_json` gave.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: if the tree has another form.
        """
        outputs = {
            name: Output(tuple(output["shape"]), output["dtype"], output.get("ragged", False))
            for name, output in tree["outputs"].items()
        }
        return cls(**{**tree, "outputs": outputs})
