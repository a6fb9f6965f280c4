"""The contract that every encoder of words keeps, and how one is found.

An encoder is one module of `pipeline/language/encoders` with a constant `ENCODER`. It says where
the files of a network lie; what they hold is the same for all: the format of `transformers`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TypeAlias

from pipeline.errors import PipelineError
from pipeline.language import encoders
from pipeline.params.block import nearest

Folder: TypeAlias = Traversable  # a folder on the disk, or inside a zip


@dataclass(frozen=True)
class Encoder:
    """A way to find the files of a network.

    Attributes:
        name: the name of its module.
        version: a number that is raised by hand when the meaning of its code changes; it enters the
            fingerprint.
        find: gives the folder of what params call `weights`; it also takes the mirror folder of
            weight files, or None.
    """

    name: str
    version: int
    find: Callable[[str, Path | None], Folder]


def known_encoders() -> list[str]:
    """The names of all encoders."""
    return sorted(module.name for module in pkgutil.iter_modules(encoders.__path__))


def load_encoder(name: str) -> Encoder:
    """Import the encoder called `name`.

    Raises:
        PipelineError: if there is none; the message names the nearest one.
    """
    known = known_encoders()
    if name not in known:
        raise PipelineError(
            f"unknown encoder {name!r}{nearest(name, known)}; known: {', '.join(known)}"
        )
    encoder: Encoder = importlib.import_module(f"{encoders.__name__}.{name}").ENCODER
    return encoder
