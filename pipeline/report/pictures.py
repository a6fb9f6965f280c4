"""The pictures of a report: each once, however many posts or entities show it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from PIL import Image

from pipeline.corpus.thumbnails import read_thumbnail
from pipeline.errors import PipelineError
from pipeline.files import read_json


class Pictures:
    """The thumbnails that the cards ask for, numbered in the order in which they first do."""

    def __init__(self) -> None:
        self._places: dict[tuple[Path, str], int] = {}

    def place(self, sha256: str, folder: Path) -> int:
        """The number of a picture, whose thumbnail lies in `folder`."""
        return self._places.setdefault((folder, sha256), len(self._places))

    def contents(self) -> list[bytes]:
        """The JPEGs, by number.

        Raises:
            PipelineError: if a folder lacks one.
        """
        return [read_thumbnail(sha256, folder) for folder, sha256 in self._places]


def extents(jpegs: Sequence[bytes]) -> list[tuple[int, int]]:
    """Width and height of each: a page that knows them does not move while pictures come."""
    return [Image.open(BytesIO(jpeg)).size for jpeg in jpegs]


def region_cover(store: Path) -> float:
    """The part of a picture that a network's regions cover.

    Args:
        store: `store.json` of the feature store of the regions.

    Returns:
        The side of the square in the centre that the network saw, as a share of the picture's
        shorter side; 0 if it saw the whole picture, stretched to a square.

    Raises:
        PipelineError: for a store that says nothing of it.
    """
    try:
        said = str(read_json(store)["fingerprint"]["preprocessing"])
    except (KeyError, TypeError):
        raise PipelineError(f"{store}: no feature store; run `dvc repro extract@regions`") from None
    if said.startswith("stretched"):
        return 0.0
    found = re.match(r"shorter side (\d+) \w+, centre (\d+)", said)
    if found is None:
        raise PipelineError(f"{store}: preprocessing {said!r}: neither stretched nor cropped")
    return int(found[2]) / int(found[1])
