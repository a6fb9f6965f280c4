"""Small copies of images for people to look at: a folder of `SHA256.jpg`, upright, as decoded.

Every image is decoded by the stage that indexes it, so that its thumbnail costs a scaling there and
no later stage opens the image again. A file's bytes follow from the image alone, whatever the order
in which the folder grew: one image more is one file more for `dvc push`.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from pipeline.errors import PipelineError
from pipeline.files import temporary_of

SIDE = 256  # pixels of the longer side, at most
QUALITY = 80  # of the JPEG; a photograph takes about 10 KB


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder beside `folder`, which becomes `folder` at the end.

    A body that raises leaves what was there before.
    """
    temporary = temporary_of(folder)
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        shutil.rmtree(folder, ignore_errors=True)
        temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_thumbnail(image: Image.Image, sha256: str, folder: Path) -> None:
    """Write the thumbnail of a decoded image, whole or not at all; the image itself stays.

    Args:
        image: upright, RGB, of any extent; a small one is not enlarged.
        sha256: the digest of the file that it was decoded from.
        folder: is there already.

    Raises:
        PipelineError: if the folder cannot be written.
    """
    scale = min(1.0, SIDE / max(image.size))
    width, height = (max(1, round(side * scale)) for side in image.size)
    small = image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=2.0)
    # Two files of equal bytes may be in two threads' hands, hence a name for each thread.
    temporary = folder / f".{sha256}.{threading.get_ident()}.tmp"
    try:
        small.save(temporary, "JPEG", quality=QUALITY)
        temporary.replace(thumbnail_of(sha256, folder))
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise PipelineError(f"{folder}: cannot be written: {error.strerror or error}") from None


def keep_thumbnails(wanted: Collection[str], folder: Path) -> None:
    """Remove the thumbnails of images that are none of `wanted`, by sha256."""
    names = {thumbnail_of(sha256, folder).name for sha256 in wanted}
    for path in folder.iterdir():
        if path.name not in names:
            path.unlink()


def read_thumbnail(sha256: str, folder: Path) -> bytes:
    """The JPEG's bytes.

    Raises:
        PipelineError: if the folder lacks it.
    """
    path = thumbnail_of(sha256, folder)
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise PipelineError(
            f"{path}: no such thumbnail; run the stage that writes {folder}, or"
            f" `dvc pull {folder}` where another machine has run it"
        ) from None


def thumbnail_of(sha256: str, folder: Path) -> Path:
    """Where the thumbnail of an image lies."""
    return folder / f"{sha256}.jpg"
