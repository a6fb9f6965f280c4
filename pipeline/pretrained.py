"""The files of weights of a folder in the format of `transformers`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from importlib.resources.abc import Traversable

from pipeline.errors import PipelineError

CONFIG, WEIGHTS, LISTED = "config.json", "model.safetensors", "model.safetensors.index.json"
PICKLED = (".bin", ".pt", ".pth", ".ckpt")


def weight_files(folder: Traversable) -> tuple[str, ...]:
    """The names of its files of weights.

    Raises:
        PipelineError: if it holds no safetensors; pickled weights are refused by name.
    """
    if (folder / WEIGHTS).is_file():
        return (WEIGHTS,)
    if (folder / LISTED).is_file():
        listed = json.loads((folder / LISTED).read_bytes())["weight_map"]
        return tuple(sorted(set(listed.values())))
    pickled = sorted(one.name for one in folder.iterdir() if one.name.endswith(PICKLED))
    if pickled:
        raise PipelineError(
            f"{folder}: refused: {pickled[0]} is pickled, and could run code when opened; save the "
            f"network as {WEIGHTS}"
        )
    raise PipelineError(f"{folder}: holds no {WEIGHTS}")


def joined(digests: Sequence[str]) -> str:
    """The digest of the weights, given those of their files: of one file it is the file's."""
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("".join(digests).encode()).hexdigest()
