"""The image tower of CLIP and its like, as a folder in the format of `transformers`.

The folder holds `config.json`, of the two towers or of the image tower alone, `model.safetensors`
and `preprocessor_config.json`, which says how images are scaled, cropped and normalised. Nothing is
downloaded. (Radford et al. 2021, CLIP; Zhai et al. 2023, SigLIP.)

`grid` is what the tower's last layer gives for each patch, its `last_hidden_state` without the
class token. CLIP's is not layer-normed: its `post_layernorm` is the class token's alone. SigLIP's
`post_layernorm` is every patch's. `pooled` is the tower's own `pooler_output`: CLIP's class token
behind that norm, SigLIP's pooling by attention; neither is projected to where texts lie. There are
no classes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.errors import PipelineError, first_line
from pipeline.files import sha256_of
from pipeline.fingerprint import Output
from pipeline.params.extract import Extract
from pipeline.pretrained import (
    CONFIG,
    WEIGHTS,
    find_folder,
    joined,
    read_config,
    weight_files,
)
from pipeline.published import verify
from pipeline.vision.backbone import Backbone, Parts, made_on_cpu
from pipeline.vision.preprocessor_config import read_preprocessing
from pipeline.vision.weights import State, Weights, read_safetensors

VERSION = 1
PREPROCESSOR = "preprocessor_config.json"
TOWER = "vision_model."  # begins the names of the tower's weights where a file has both towers
UNUSED = "embeddings.position_ids"  # older files hold these numbers, which are counted anew


def find(params: Extract, weights_dir: Path | None) -> tuple[Backbone, Weights]:
    """The tower of the folder that params name, and its weights.

    Raises:
        PipelineError: for a folder that is missing or lacks a file, pickled weights, another file
            than its sha256 says, or a config that is no image tower's.
    """
    if not isinstance(params.weights, str):
        raise PipelineError("for clip weights are the path of a folder")
    holds = f"{CONFIG}, {WEIGHTS} and {PREPROCESSOR}"
    folder = find_folder(params.weights, weights_dir, holds)
    paths = [folder / name for name in weight_files(folder)]
    sha256 = joined([sha256_of(path) for path in paths])
    verify(folder, sha256, params.sha256, "as the parameter sha256 says")
    return _backbone(folder), Weights(sha256, partial(_state, paths))


class Tower(nn.Module):
    """The whole tower."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network
        config = network.config
        self.regions = (config.image_size // config.patch_size) ** 2

    def forward(self, batch: Tensor) -> Tensor:
        """(B, 3, crop, crop) -> (B, 1 + regions, C): what the tower pools, then each patch."""
        given = self.network(pixel_values=batch, return_dict=True)
        patches = given.last_hidden_state[:, -self.regions :]
        return torch.cat([given.pooler_output[:, None], patches], 1)


class Patches(nn.Module):
    """What is behind the first."""

    def forward(self, states: Tensor) -> Tensor:
        """(B, 1 + regions, C) -> (B, regions, C)."""
        return states[:, 1:]


class Pooled(nn.Module):
    """The first."""

    def forward(self, states: Tensor) -> Tensor:
        """(B, 1 + regions, C) -> (B, C)."""
        return states[:, 0]


def parts(network: Any) -> Parts:
    """The tower is one part: it pools by itself, and has no classes."""
    return Parts(
        Tower(network),
        nn.Identity(),
        head_reads="states",
        grid=Patches(),
        pool=Pooled(),
        alone=True,
    )


def _backbone(folder: Path) -> Backbone:
    preprocessing = read_preprocessing(folder / PREPROCESSOR)
    config = read_config(folder)
    told = config.get("vision_config", config)
    if not isinstance(told, dict):
        raise PipelineError(f"{folder / CONFIG}: vision_config: {told!r} describes no image tower")
    crop = preprocessing.crop
    if told.get("image_size", crop) != crop:
        raise PipelineError(
            f"{folder / PREPROCESSOR}: gives images of {crop} pixels a side, but by {CONFIG} the"
            f" tower reads {told['image_size']}"
        )
    try:
        with torch.device("meta"):  # shapes alone
            tower = Tower(_create(told))
            states = tower(torch.empty(1, 3, crop, crop))
    except Exception as error:  # the library raises almost anything for what it does not know
        reason = first_line(error)
        raise PipelineError(f"{folder / CONFIG}: no image tower that is known: {reason}") from None
    canonical = json.dumps(told, sort_keys=True).encode()
    return Backbone(
        name="clip",
        version=VERSION,
        outputs={
            "pooled": Output(tuple(states.shape[2:]), "float32"),
            "grid": Output((tower.regions, states.shape[2]), "float16"),
        },
        preprocessing=preprocessing,
        weights={},
        network=partial(made_on_cpu, _create, told),
        parts=parts,
        facts={
            "model": str(told["model_type"]),
            "config_sha256": hashlib.sha256(canonical).hexdigest(),
        },
    )


def _create(config: dict[str, Any]) -> Any:
    from transformers import AutoConfig, AutoModel  # here: it takes seconds

    return AutoModel.from_config(AutoConfig.for_model(**config)).eval()


def _state(paths: Sequence[Path]) -> State:
    """The weights of the image tower; those of a text tower are left where they are."""
    state = {name: value for path in paths for name, value in read_safetensors(path).items()}
    tower = {name.removeprefix(TOWER): state[name] for name in state if name.startswith(TOWER)}
    state = tower or state
    return {name: value for name, value in state.items() if name != UNUSED}
