"""Files that authors published, found where they may lie on this machine. Nothing is downloaded."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import torch

from pipeline.errors import PipelineError


@dataclass(frozen=True)
class Published:
    """A file as its authors published it.

    Attributes:
        file: the name of the file.
        sha256: the SHA-256 of the whole file.
        origin: where a person gets it: a URL, or the name of a package.
        package: the Python package that carries the file and the folder inside, or None.
    """

    file: str
    sha256: str
    origin: str
    package: tuple[str, str] | None = None


def folders(published: Published, weights_dir: Path | None) -> list[Path]:
    """Where the file is looked for, in this order; a download goes into the first."""
    hub = Path(torch.hub.get_dir()) / "checkpoints"
    return [folder for folder in (weights_dir, hub, _inside(published)) if folder is not None]


def find_file(published: Published, weights_dir: Path | None) -> Path | None:
    """The first file of that name; None if there is none. Its hash is not verified."""
    paths = [folder / published.file for folder in folders(published, weights_dir)]
    return next((path for path in paths if path.is_file()), None)


def verify(path: Path, found: str, expected: str | None, source: str) -> None:
    """Refuse a file whose sha256 is not the expected one; None: any will do.

    Raises:
        PipelineError: with `source`, which says in words why that one is expected.
    """
    if expected is not None and found != expected.lower():
        raise PipelineError(
            f"{path}: its sha256 is {found}, not {expected} {source}; the file is another one, or"
            " damaged"
        )


def _inside(published: Published) -> Path | None:
    """The folder in the package; the package is not imported."""
    if published.package is None:
        return None
    module, folder = published.package
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / folder
