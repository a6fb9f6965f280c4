"""Read the files of the index, decode and preprocess them on threads."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.corpus.pixels import BadImageError, decode_bytes
from pipeline.errors import PipelineError
from pipeline.parallel import map_in_order
from pipeline.vision.preprocessing import Preprocessing

Pixels = NDArray[np.uint8]

AGAIN = "run `dvc repro index_images`, then this stage again"


@dataclass(frozen=True)
class File:
    """An image file as the index saw it: its path, and the SHA-256 of its content."""

    path: Path
    sha256: str


def batches(
    files: Sequence[File], preprocessing: Preprocessing, *, batch: int, workers: int
) -> Generator[tuple[Sequence[File], Pixels], None, None]:
    """Yield `files` in their order, `batch` at a time, each with its pixels.

    The pixels are (b, crop, crop, 3), 0 to 255. Threads decode at most two batches ahead, whatever
    the number of files.

    Raises:
        PipelineError: if a file is no longer what the index saw; the message names it.
    """
    one = partial(pixels_of, preprocessing=preprocessing)
    with closing(map_in_order(one, files, workers=workers, ahead=2 * batch)) as pixels:
        for start in range(0, len(files), batch):
            part = files[start : start + batch]
            yield part, np.stack(list(islice(pixels, len(part))))


def pixels_of(file: File, preprocessing: Preprocessing) -> Pixels:
    """Read, decode, scale and crop one image: (crop, crop, 3).

    Raises:
        PipelineError: if the file is gone, or its content is not what the index saw.
    """
    try:
        content = file.path.read_bytes()
    except OSError as error:
        raise PipelineError(f"{file.path}: {error.strerror}; {AGAIN}") from None
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise PipelineError(f"{file.path}: changed since index_images saw it; {AGAIN}")
    try:
        return preprocessing.pixels(decode_bytes(content))
    except BadImageError as error:  # the index was written with another decoder
        raise PipelineError(f"{file.path}: {error}; {AGAIN}") from None
