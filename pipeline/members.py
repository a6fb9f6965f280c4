"""Packages whose modules are one thing each: backbones, encoders. They are found by their names."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from pipeline.errors import PipelineError
from pipeline.params.block import nearest


def members(package: ModuleType) -> list[str]:
    """The names of its modules."""
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__))


def member(package: ModuleType, kind: str, name: str) -> ModuleType:
    """Import the module `name` of a package; `kind` says what each is.

    Raises:
        PipelineError: if there is none; the message names the nearest one.
    """
    known = members(package)
    if name not in known:
        hint = nearest(name, known)
        raise PipelineError(f"unknown {kind} {name!r}{hint}; known: {', '.join(known)}")
    return importlib.import_module(f"{package.__name__}.{name}")
