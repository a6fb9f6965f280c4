"""Decode the bytes of an image file to upright RGB pixels, or say why that is impossible.

Pillow decodes. This module adds what Pillow does on request only, or wrongly: EXIF rotation, 16-bit
grey (Pillow saturates it to white), transparency, a cap on pixels, and a closed list of formats
(Pillow knows some 40 more, and runs other programs for some).

No decoder notices bytes that are damaged inside the compressed data of a JPEG: they give wrong
pixels without a word. Colour profiles (ICC) are ignored, as they were when the published networks
were trained.
"""

from __future__ import annotations

import struct
import warnings
from io import BytesIO
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, PngImagePlugin, UnidentifiedImageError

from pipeline.errors import first_line

# It enters the fingerprint of every feature store. Raise the number when a pixel changes, whether
# by a change here or by another Pillow (tests/corpus/test_pixels.py notices both).
DECODER = "pillow-upright-rgb/1"

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF")
DECODED = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff")
REFUSED = (".avif", ".heic", ".heif", ".ico", ".jp2", ".jxl", ".psd", ".svg")
SUFFIXES = frozenset({*DECODED, *REFUSED})  # a file with one of these is meant as an image
# The longer side over the shorter one. Networks scale the shorter side up to some 300 pixels, and a
# thinner image would become too large.
MAX_ASPECT = 200

# Pillow's warnings of damage and of large images do not name the file; the statuses below do.
# Pillow still refuses more than twice MAX_IMAGE_PIXELS, which also guards the tiles inside a file.
warnings.filterwarnings("ignore", module=r"PIL\.")
LIMIT = 2 * (Image.MAX_IMAGE_PIXELS or 0)
# A sound PNG may hold a large colour profile or history: Pillow's own bound is 1 MiB unpacked.
METADATA = PngImagePlugin.MAX_TEXT_CHUNK = 16 << 20

END_OF_JPEG = b"\xff\xd9"
FILLER = b"\x55" * 1024  # any bytes that decode to something

_SIGNATURES = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"BM": "BMP",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
}
_TURN = {  # EXIF orientation (tag 0x0112) -> the turn that makes the image upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class BadImageError(Exception):
    """The file gives no pixels: `status` is a word for counting, `reason` tells a person why."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(f"{status}: {reason}")
        self.status = status
        self.reason = reason


def decode(file: BinaryIO, max_pixels: int | None = None) -> Image.Image:
    """Decode the (first) image of `file` to upright pixels of mode RGB, 8 bits a channel.

    An animation gives its first frame, transparency is laid on white, 16-bit grey is scaled to 8
    bits, CMYK and palettes are converted.

    Args:
        file: a file that stands at its beginning; it stays open.
        max_pixels: an image with more (width x height) is refused by its header, undecoded.

    Raises:
        BadImageError: with the status "empty", "not_an_image", "corrupt", "truncated",
            "too_large", "too_thin" or "unsupported".
    """
    head = file.read(32)
    file.seek(0)
    image: Image.Image
    try:
        image = Image.open(file, formats=FORMATS)
    except MemoryError:
        raise
    except Image.DecompressionBombError:
        raise BadImageError("too_large", f"over {LIMIT} pixels, the decoder's own limit") from None
    except Exception as error:  # a damaged header makes Pillow raise almost anything
        raise _unreadable(head, error) from None
    _check_extent(*image.size, max_pixels)
    try:
        image.load()
    except MemoryError:
        raise
    except Exception as error:  # and so does a damaged body
        whole = _but_for_its_end(image, file)
        if whole is None:
            raise _damaged(error) from None
        image = whole
    return _rgb(_upright(image))


def decode_bytes(content: bytes, max_pixels: int | None = None) -> Image.Image:
    """`decode` the content of a file."""
    return decode(BytesIO(content), max_pixels)


def _check_extent(width: int, height: int, max_pixels: int | None) -> None:
    if max_pixels is not None and width * height > max_pixels:
        raise BadImageError(
            "too_large", f"{width} x {height} pixels; index_images.max_pixels is {max_pixels}"
        )
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise BadImageError(
            "too_thin", f"{width} x {height} pixels: one side is over {MAX_ASPECT} times the other"
        )


def _but_for_its_end(image: Image.Image, file: BinaryIO) -> Image.Image | None:
    """Decode a JPEG all of whose pixels are there, though its end marker is not; else None.

    Its pixels are all there if they stay the same whatever follows the last byte. Those of a
    progressive JPEG are not told apart so: it has passes that may be missing as a whole.
    """
    if image.format != "JPEG" or image.info.get("progressive"):
        return None
    file.seek(0)
    content = file.read()
    try:
        one, other = (
            Image.open(BytesIO(content + filler + END_OF_JPEG), formats=FORMATS)
            for filler in (b"", FILLER)
        )
        return one if one.tobytes() == other.tobytes() else None
    except MemoryError:
        raise
    except Exception:
        return None


def _unreadable(head: bytes, error: Exception) -> BadImageError:
    """Say why Pillow could not read the header of a file that begins with `head` (32 bytes)."""
    if not head:
        return BadImageError("empty", "0 bytes")
    kind = next((name for mark, name in _SIGNATURES.items() if head.startswith(mark)), None)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        kind = "WEBP"
    if "MAX_TEXT" in str(error):
        return BadImageError(
            "unsupported", f"its metadata unpack to over {METADATA} bytes; save it without them"
        )
    if kind is None:
        known = ", ".join(FORMATS)
        return BadImageError("not_an_image", f"none of {known}; it begins with {head[:16]!r}")
    extent = _declared(kind, head)
    if extent is not None and 0 in extent:
        return BadImageError(
            "corrupt", f"the {kind} header declares {extent[0]} x {extent[1]} pixels"
        )
    detail = "" if isinstance(error, UnidentifiedImageError) else f": {first_line(error)}"
    return BadImageError("corrupt", f"it begins like {kind}, but its header cannot be read{detail}")


def _declared(kind: str, head: bytes) -> tuple[int, int] | None:
    """Width and height in the header; None for a format that has no fixed place for them."""
    layouts = {"PNG": (">II", 16), "GIF": ("<HH", 6), "BMP": ("<ii", 18)}
    if kind not in layouts:
        return None
    layout, offset = layouts[kind]
    if len(head) < offset + struct.calcsize(layout):
        return None
    width, height = struct.unpack_from(layout, head, offset)
    return width, height


def _damaged(error: Exception) -> BadImageError:
    status = "truncated" if "truncated" in str(error).lower() else "corrupt"
    return BadImageError(status, first_line(error))


def _upright(image: Image.Image) -> Image.Image:
    """Turn a loaded image as its EXIF orientation says.

    `ImageOps.exif_transpose` would also rewrite the EXIF block, and fail if it is damaged. Here an
    image with an unreadable orientation is only not turned. Pillow's `load` turns TIFF itself.
    """
    try:
        turn = _TURN.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:
        turn = None
    return image if turn is None else image.transpose(turn)


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        grey = np.asarray(image, dtype=np.uint32)  # (height, width), 0..65535
        return Image.fromarray(((grey + 128) // 257).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        raise BadImageError("unsupported", f"mode {image.mode}: its numbers have no fixed white")
    try:
        if image.has_transparency_data:
            layer = image.convert("RGBA")
            white = Image.new("RGBA", layer.size, (255, 255, 255, 255))
            return Image.alpha_composite(white, layer).convert("RGB")
        return image.convert("RGB")
    except MemoryError:
        raise
    except Exception as error:
        raise BadImageError("unsupported", f"mode {image.mode}: {first_line(error)}") from None
