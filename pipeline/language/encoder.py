"""The contract that every encoder of words keeps, and how one is found.

An encoder is one module of `pipeline/language/encoders` with a constant `ENCODER`. It says where
the files of a network lie; what they hold is the same for all: the format of `transformers`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TypeAlias

from pipeline.language import encoders
from pipeline.members import member

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


def load_encoder(name: str) -> Encoder:
    """Import the encoder called `name`.

    Raises:
        PipelineError: if there is none; the message names the nearest one.
    """
    encoder: Encoder = member(encoders, "encoder", name).ENCODER
    return encoder
