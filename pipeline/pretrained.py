"""The files of a folder in the format of `transformers`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError

CONFIG, WEIGHTS, LISTED = "config.json", "model.safetensors", "model.safetensors.index.json"
PICKLED = (".bin", ".pt", ".pth", ".ckpt")
QUANTISED = "quantization_config"


def find_folder(weights: str, weights_dir: Path | None, holds: str) -> Path:
    """The folder of that path; else the one of that name in the mirror folder.

    Raises:
        PipelineError: if there is none; it `holds` what the message then says.
    """
    places = [Path(weights), *([weights_dir / weights] if weights_dir else [])]
    for place in places:
        if place.is_dir():
            return place
    tried = " or ".join(map(str, places))
    raise PipelineError(
        f"weights {weights!r}: there is no folder {tried}: put one there that holds {holds}"
    )


def read_object(path: Traversable) -> dict[str, Any]:
    """The object that a JSON file holds.

    Raises:
        PipelineError: if there is none.
    """
    try:
        told = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise PipelineError(f"{path}: cannot be read as JSON ({error})") from None
    if not isinstance(told, dict):
        raise PipelineError(f"{path}: holds no JSON object")
    return told


def read_config(folder: Traversable) -> dict[str, Any]:
    """What config.json says.

    Raises:
        PipelineError: if it cannot be read, or says that the weights are quantised: read as they
            stand, without their scales, they are other numbers.
    """
    config = read_object(folder / CONFIG)
    if config.get(QUANTISED):
        raise PipelineError(
            f"{folder / CONFIG}: {QUANTISED}: quantised weights are not read; take the network as"
            " it was before"
        )
    return config


def weight_files(folder: Traversable) -> tuple[str, ...]:
    """The names of its files of weights.

    Raises:
        PipelineError: if it holds no safetensors, or not all parts of them; pickled weights are
            refused by name.
    """
    if (folder / WEIGHTS).is_file():
        return (WEIGHTS,)
    if (folder / LISTED).is_file():
        return _listed(folder)
    pickled = sorted(one.name for one in folder.iterdir() if one.name.endswith(PICKLED))
    if pickled:
        raise PipelineError(
            f"{folder}: refused: {pickled[0]} is pickled, and could run code when opened; save the "
            f"network as {WEIGHTS}"
        )
    raise PipelineError(f"{folder}: holds no {WEIGHTS}")


def _listed(folder: Traversable) -> tuple[str, ...]:
    """The parts that the index of weights in several files names; they lie beside it."""
    told = read_object(folder / LISTED).get("weight_map")
    names = sorted({str(name) for name in told.values()}) if isinstance(told, dict) else []
    if not names:
        raise PipelineError(f"{folder / LISTED}: names no file of weights")
    here = {one.name for one in folder.iterdir()}
    lacking = [name for name in names if name not in here]
    if lacking:
        raise PipelineError(
            f"{folder}: holds {len(names) - len(lacking)} of the {len(names)} parts that {LISTED}"
            f" names; {lacking[0]!r} is missing"
        )
    return tuple(names)


def joined(digests: Sequence[str]) -> str:
    """The digest of the weights, given those of their files: of one file it is the file's."""
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("".join(digests).encode()).hexdigest()
