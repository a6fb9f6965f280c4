"""Tiny random networks of timm and of `transformers`, saved as people have them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
import transformers
from safetensors.torch import save_file
from torch import Tensor

from pipeline.params.extract import Extract
from pipeline.vision.backbone import Backbone, Features
from pipeline.vision.extract import find_network
from tests.blocks import of_project
from tests.vision.conftest import photo

CPU = torch.device("cpu")
WIDTH, CROP, PATCH = 32, 32, 8
VISION = {
    "hidden_size": WIDTH,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": CROP,
    "patch_size": PATCH,
}
TEXT = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "vocab_size": 50,
    "bos_token_id": 0,
    "eos_token_id": 1,
}


def randomize(network: torch.nn.Module, seed: int = 7) -> Any:
    """Give weights of a size that reaches every layer, and statistics other than 0 and 1."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in network.state_dict().items():
        if name.endswith("running_var"):
            value.mul_(torch.rand(value.shape, generator=generator) + 0.5)
        elif value.is_floating_point():
            value.add_(torch.randn(value.shape, generator=generator) * 0.1)
    return network.eval()


def save_timm(path: Path, model: str = "test_vit", seed: int = 7) -> Any:
    """Write the weights of a random model, in the form that the suffix says; gives the network."""
    torch.manual_seed(seed)
    network = randomize(timm.create_model(model, pretrained=False), seed)
    state = {name: value.contiguous() for name, value in network.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    return network


def of_timm(path: Path, model: str = "test_vit", **other: object) -> Extract:
    weights = {"model": model, "file": str(path)}
    return block(**{"backbone": "timm", "weights": weights, "outputs": ["grid"], **other})


KINDS: dict[str, tuple[Any, Any, Any, dict[str, Any]]] = {
    "clip": (
        transformers.CLIPConfig,
        transformers.CLIPModel,
        transformers.CLIPImageProcessorPil,
        {"size": {"shortest_edge": CROP + 5}, "crop_size": CROP},
    ),
    "siglip": (
        transformers.SiglipConfig,
        transformers.SiglipModel,
        transformers.SiglipImageProcessorPil,
        {"size": {"height": CROP, "width": CROP}},
    ),
}


def save_clip(folder: Path, kind: str = "clip", *, alone: bool = False, **saving: Any) -> Any:
    """Write a random network of two towers, or of the image tower alone; gives this tower."""
    config, model, processor, form = KINDS[kind]
    torch.manual_seed(7)
    both = randomize(model(config(vision_config=VISION, text_config=TEXT, projection_dim=8)))
    (both.vision_model if alone else both).save_pretrained(folder, **saving)
    processor(**form).save_pretrained(folder)
    return both.vision_model


def of_clip(folder: Path, **other: object) -> Extract:
    weights = str(folder)
    return block(**{"backbone": "clip", "weights": weights, "outputs": ["pooled", "grid"], **other})


def block(**given: object) -> Extract:
    return of_project("extract.tags", Extract, **given)


def rows(params: Extract, batch: Tensor) -> dict[str, Tensor]:
    """What the network of this block gives."""
    with torch.inference_mode():
        given: dict[str, Tensor] = find_network(params, None).load().placed(CPU)(batch)
    return given


def batch_of(backbone: Backbone, count: int) -> Tensor:
    """So many pictures, as the network reads them."""
    pixels = np.stack([backbone.preprocessing.pixels(photo(seed)) for seed in range(count)])
    return backbone.preprocessing.normalize(torch.from_numpy(pixels).permute(0, 3, 1, 2))


def assert_rows_are_steady(
    features: Features, batch: Tensor, threads: Callable[[int], None]
) -> None:
    """In parts of any length and on any number of threads, which it leaves, a row is the same."""
    with torch.inference_mode():
        whole = features(batch)
        for count in (1, 2, 3):
            threads(count)
            for length in (1, 3, 5):
                split = [features(part) for part in batch.split(length)]
                assert torch.get_num_threads() == count
                for output, tensor in whole.items():
                    assert torch.equal(torch.cat([part[output] for part in split]), tensor)
