"""A trained system on disk: what it is, how it is loaded, how it tags."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.errors import PipelineError
from pipeline.files import read_json, write_json
from pipeline.fit.checkpoint import load
from pipeline.params.block import parse
from pipeline.systems.system import Batch, Inputs, Phrase, System, SystemParams, find_system
from pipeline.training.caches import Caches
from pipeline.training.lexicon import Lexicon

FILE = "system.json"


@dataclass(frozen=True)
class Description:
    """What `system.json` of a model folder holds: enough to build the network again."""

    system: str
    params: dict[str, Any]
    seeds: list[int]
    word_width: int
    shapes: dict[str, tuple[int, ...]]
    classes: int  # of image words
    fingerprints: dict[str, str]  # of the caches it was trained on

    @classmethod
    def of(
        cls,
        system: str,
        params: SystemParams,
        seeds: Sequence[int],
        inputs: Inputs,
        caches: Caches,
    ) -> Description:
        """Describe a system about to be trained."""
        return cls(
            system,
            params.model_dump(),
            list(seeds),
            int(inputs.table.shape[1]),
            caches.features.shapes,
            caches.features.classes,
            caches.fingerprints,
        )

    def write(self, directory: Path) -> None:
        """Write into the model folder."""
        write_json(directory / FILE, asdict(self))

    @classmethod
    def read(cls, directory: Path) -> Description:
        """Read from a model folder."""
        tree = read_json(directory / FILE)
        shapes = {name: tuple(shape) for name, shape in tree.pop("shapes").items()}
        return cls(shapes=shapes, **tree)

    def check_caches(self, caches: Caches, directory: Path) -> None:
        """Refuse caches of another origin, such as another backbone, than it was trained on."""
        if caches.fingerprints != self.fingerprints:
            raise PipelineError(
                f"{directory}: trained on features with the fingerprints {self.fingerprints}, but "
                f"the caches now hold {caches.fingerprints}; run its train stage again"
            )


def load_network(directory: Path, seed: int, lexicon: Lexicon, device: torch.device) -> System:
    """The network of one seed of a model folder, in eval mode on `device`."""
    described = Description.read(directory)
    module = find_system(described.system)
    params = parse(described.params, module.Params, str(directory / FILE))
    # Only the sizes count: the weights that are loaded replace the first ones.
    words = len(lexicon.words)
    inputs = Inputs(
        torch.zeros(words, described.word_width),
        torch.zeros(words, dtype=torch.bool),
        len(lexicon.characters),
        lexicon.tags,
        described.shapes,
        described.classes,
    )
    network = module.build(params, inputs)
    load(network, directory / f"seed-{seed}")
    return network.to(device).eval()


def to_device(batch: Batch, device: torch.device) -> Batch:
    """The batch with every tensor on `device`."""
    features = {name: value.to(device) for name, value in batch.features.items()}
    phrases = {name: Phrase(**_moved(phrase, device)) for name, phrase in batch.phrases.items()}
    return Batch(features=features, phrases=phrases, **_moved(batch, device))


def _moved(held: Batch | Phrase, device: torch.device) -> dict[str, Any]:
    """The fields that are tensors, on `device`."""
    values = {field.name: getattr(held, field.name) for field in dataclasses.fields(held)}
    return {k: value.to(device) for k, value in values.items() if isinstance(value, Tensor)}


@torch.no_grad()
def tag(
    network: System,
    batches: Iterable[Batch],
    places: Sequence[Sequence[int]],
    tags: Sequence[str],
    device: torch.device,
) -> list[list[str]]:
    """Tag batches of posts; `places` says which posts each batch holds.

    Returns:
        The labels of each post, in the posts' order.
    """
    network.eval()
    predicted: dict[int, list[str]] = {}
    for batch, held in zip(batches, places, strict=True):
        for place, ids in zip(held, network.decode(to_device(batch, device)), strict=True):
            predicted[place] = [tags[tag_id] for tag_id in ids]
    return [predicted[place] for place in range(len(predicted))]
