"""Blocks of systems for tests: the published settings, and small changes of them."""

import functools
import tempfile
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml
from dvc.utils.hydra import compose_and_dump

from pipeline.params.block import parse
from pipeline.systems.system import SystemParams, find_system, known_systems
from tests.blocks import OPTIMIZATION
from tests.conftest import ROOT

CONF = ROOT / "conf"
TRAINING = OPTIMIZATION | {"learning_rate": 0.01, "max_epochs": 1, "patience": 1}


def block(
    name: str,
    model: Mapping[str, object],
    training: Mapping[str, object] | None = None,
    vectors: Sequence[str] = (),
) -> SystemParams:
    """The block of a system, with its published `model` (tuned, where none is published).

    The key `context` of `model` names the contextual words that it reads.
    """
    changes = dict(model)
    context = changes.pop("context", "none")
    tree = {
        "preset": "published",
        "vectors": list(vectors),
        "removed_vectors": 0.0,
        "context": {"store": context, "width": 5, "dropout": 0.1},
        "training": TRAINING | dict(training or {}),
        "model": deepcopy(_published()[name]["model"]) | changes,
    }
    return parse(tree, find_system(name).Params, name)


@functools.cache
def _published() -> dict[str, Any]:
    there = [
        name for name in known_systems() if (CONF / "system" / name / "published.yaml").exists()
    ]
    with tempfile.TemporaryDirectory() as folder:
        path, conf = Path(folder) / "params.yaml", str(CONF)
        overrides = [f"system/{name}=published" for name in there]
        compose_and_dump(str(path), conf, None, "config", conf, overrides)
        systems: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))["systems"]
    return systems
