"""Decoding, format by format: each trap is a file made here, and the pixels are pinned."""

import base64
import hashlib
import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from pipeline.corpus.pixels import DECODER, METADATA, BadImageError, decode_bytes

pytestmark = pytest.mark.filterwarnings(  # pytest shows warnings that the module silences
    "ignore::UserWarning", "ignore::PIL.Image.DecompressionBombWarning"
)

# Files as encoders wrote them, each with the SHA-256 of the pixels that DECODER stands for.
GOLDEN = {
    "jpeg": (
        """
        /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZG
        NywtQFdBRkxOUlNSMj5aYVpQYEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09P
        T09PT09PT09PT09PT09PT09PT09PT09PT0//wAARCAARABgDASIAAhEBAxEB/8QAGAABAQEBAQAAAAAAAAAAAAAA
        AAUGAwT/xAAjEAABAwMEAgMAAAAAAAAAAAAAAQIDBBIxBREiQRMhUXKh/8QAGAEAAgMAAAAAAAAAAAAAAAAABAYC
        BQf/xAAhEQABAwQBBQAAAAAAAAAAAAAAAQIDBAURITISE0Fxsf/aAAwDAQACEQMRAD8AxUGnY4lZmjWNcvkida+1
        LHXXY97p6TPey/hYptOxxLMdHNOqLNJJJ93KoHDJ3VBqS5YxszUGl44g2MdC2NUS3d3wCT30rHdL3b9KvxBmhuTl
        bo8dL0WKXoAHt/gzilO1L0ACnp+A0x8T/9k=
        """,
        "93b90885f409c843188124de4d44f8e7f0ac5dacc1ecbc6b3f8e204b01656c48",
    ),
    "progressive": (
        """
        /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdASFxOQERX
        RTc4UG1RV19iZ2hnPk1xeXBkeFxlZ2P/2wBDARESEhgVGC8aGi9jQjhCY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2Nj
        Y2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2P/wgARCAARABgDASIAAhEBAxEB/8QAGAABAQEBAQAAAAAAAAAAAAAA
        AAQFAgP/xAAXAQADAQAAAAAAAAAAAAAAAAABAwUE/9oADAMBAAIQAxAAAAHJpqqUuBqDQ8qhcLoZqH//xAAZEAAD
        AQEBAAAAAAAAAAAAAAAAAQISAxP/2gAIAQEAAQUCUHkLmKDLZkkkk//EABgRAQEAAwAAAAAAAAAAAAAAAAADAQIh
        /9oACAEDAQE/AZ3a34mw/8QAGhEAAgIDAAAAAAAAAAAAAAAAAAECAxIhMf/aAAgBAgEBPwGLyG61pspIcP/EABgQ
        AAIDAAAAAAAAAAAAAAAAAAAQICFB/9oACAEBAAY/AjHcf//EABwQAAICAgMAAAAAAAAAAAAAAAERACEQIDFBcf/a
        AAgBAQABPyGYR2SKovNjmifYF60H/9oADAMBAAIAAwAAABDEyL3/xAAZEQACAwEAAAAAAAAAAAAAAAAAEQEQITH/
        2gAIAQMBAT8QUtJqOT//xAAZEQABBQAAAAAAAAAAAAAAAAAAARAxQYH/2gAIAQIBAT8QMqyNKsf/xAAeEAACAQQD
        AQAAAAAAAAAAAAAAAREhQWFxEDFRgf/aAAgBAQABPxDARm3BOqyt3hmExEV982LpqfhYWcP/2Q==
        """,
        "1dd822930e7771a342e092c568f5086f7256c82d483012bf4ce98b8fde76296b",
    ),
    "cmyk": (
        """
        /9j/7gAOQWRvYmUAZAAAAAAA/9sAQwAUDg8SDw0UEhASFxUUGB4yIR4cHB49LC4kMklATEtHQEZFUFpzYlBVbVZF
        RmSIZW13e4GCgU5gjZeMfZZzfoF8/8AAFAgAEQAYBEMRAE0RAFkRAEsRAP/EABoAAAICAwAAAAAAAAAAAAAAAAAG
        AwUCBAf/xAArEAABAgQEBQMFAAAAAAAAAAABAAIDBBFBBRIhMRMVQlFiIjOBcXKRobH/2gAOBEMATQBZAEsAAD8A
        WpKyoeW+KUYUPOnNMUm0AuAiMOQ2dXNsajvv9RemikiYRwwSXMd6i0ZDmr8jb5orGDhLoku+M0tcGPLXAAkihAqd
        KDcb6oV9JWUfLfFSwsHz9KFz+SsnDlvitSQh56ITFKxHxCDEe5x7uNVnEkokX3HOfrX1ElM0lKOi0zEu23PatP6f
        yhX0lZYct8VsTs9K4U8QeEZiZoDw2mgb9xtprsf2hc/krK7SvhXShMElZCc8K6UJgkrISZhXShf/2Q==
        """,
        "9a97eb832e23a5e4a6dd7c123b896200af6421b850b9eaf6b3dd69aa42720695",
    ),
    "webp": (
        """
        UklGRrQAAABXRUJQVlA4IKgAAABQBQCdASoYABEAPslUoEunpSMhsAwA8BkJbACdMoR2iK4sADOYOQJA3jv2lBk3
        IXSpuKAA/vWY3h74m8Gmvc1BL8jJan4hrzAslegk2tt63Q9yc4gTnn9N8l4J502kHUQzEohaIQcC9CCJ7GSRuOqf
        npi8X61r69qAHyLcv1N8cse2wqeiwYNsI9fAxfDA7HFTNGUHWNwVfTuC7dvKtmbaD7jzFXIAAAA=
        """,
        "1d52e9e97bc3320aa61900bfad3510587b8ddc076ecad46184124323f3921794",
    ),
}

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def photo(width: int = 48, height: int = 32) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8))


def corners() -> Image.Image:
    """A picture of 4 x 2 pixels with four different corners."""
    image = Image.new("RGB", (4, 2), WHITE)
    image.putpixel((0, 0), RED)
    image.putpixel((3, 0), GREEN)
    image.putpixel((0, 1), BLUE)
    return image


def png_header(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG that declares this extent and holds `data`."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def status_of(content: bytes, max_pixels: int | None = None) -> tuple[str, str]:
    with pytest.raises(BadImageError) as caught:
        decode_bytes(content, max_pixels)
    return caught.value.status, caught.value.reason


@pytest.mark.parametrize("kind", GOLDEN)
def test_lossy_formats_decode_to_pinned_pixels(kind: str) -> None:
    text, pinned = GOLDEN[kind]
    image = decode_bytes(base64.b64decode(text))
    assert (image.mode, image.size) == ("RGB", (24, 17))
    assert hashlib.sha256(image.tobytes()).hexdigest() == pinned, (
        f"the pixels are no longer those that {DECODER!r} stands for: raise its number,"
        " so that feature stores are computed anew"
    )


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP"])
def test_lossless_formats_give_back_the_pixels(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    assert decode_bytes(encoded(photo(), kind, **options)).tobytes() == photo().tobytes()


def test_sixteen_bit_grey_is_scaled_and_not_saturated() -> None:
    levels = np.array([[0, 127, 128, 129, 257, 32768, 65407, 65408, 65535]], np.uint16)
    for kind in ("PNG", "TIFF"):
        image = decode_bytes(encoded(Image.fromarray(levels), kind))
        expected = np.rint(levels / 257)
        np.testing.assert_array_equal(np.asarray(image), np.repeat(expected[..., None], 3, axis=2))


def test_every_eight_bit_level_survives_sixteen_bits() -> None:
    levels = (np.arange(256, dtype=np.uint16) * 257).reshape(16, 16)
    image = np.asarray(decode_bytes(encoded(Image.fromarray(levels), "PNG")))
    np.testing.assert_array_equal(image[..., 0].ravel(), np.arange(256))


def test_palette() -> None:
    image = corners().convert("P", palette=Image.Palette.ADAPTIVE)
    assert image.mode == "P"
    assert decode_bytes(encoded(image, "PNG")).tobytes() == corners().tobytes()


def test_transparency_is_laid_on_white() -> None:
    image = Image.new("RGBA", (3, 1))
    image.putpixel((0, 0), (255, 0, 0, 255))
    image.putpixel((1, 0), (255, 0, 0, 0))
    image.putpixel((2, 0), (0, 0, 0, 128))
    got = decode_bytes(encoded(image, "PNG"))
    assert [got.getpixel((x, 0)) for x in range(3)] == [RED, WHITE, (127, 127, 127)]


def test_transparent_palette_entry_and_grey_alpha_are_laid_on_white() -> None:
    palette = Image.new("P", (2, 1))
    palette.putpalette([0, 0, 0, 255, 0, 0])
    palette.putpixel((1, 0), 1)
    got = decode_bytes(encoded(palette, "PNG", transparency=0))
    assert [got.getpixel((x, 0)) for x in range(2)] == [WHITE, RED]
    got = decode_bytes(encoded(Image.new("LA", (1, 1), (9, 0)), "PNG"))
    assert got.getpixel((0, 0)) == WHITE


def test_grey_and_bilevel() -> None:
    assert decode_bytes(encoded(Image.new("L", (1, 1), 7), "PNG")).getpixel((0, 0)) == (7, 7, 7)
    assert decode_bytes(encoded(Image.new("1", (1, 1), 1), "PNG")).getpixel((0, 0)) == WHITE


def test_an_animation_gives_its_first_frame() -> None:
    frames = [Image.new("RGB", (5, 4), color) for color in (RED, GREEN, BLUE)]
    for kind, options in (("GIF", {}), ("WEBP", {"lossless": True}), ("PNG", {})):
        content = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
        image = decode_bytes(content)
        assert (image.size, image.getpixel((2, 2))) == ((5, 4), RED), kind


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG"])
def test_exif_rotation_is_undone(kind: str, orientation: int) -> None:
    """A camera of that orientation writes an upright `corners()` as `stored`."""
    inverse = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    upright = corners().resize((64, 32), Image.Resampling.NEAREST)
    stored = upright.transpose(inverse[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {}
    image = decode_bytes(encoded(stored, kind, exif=exif, **options))
    assert image.size == (64, 32)
    difference = np.abs(np.asarray(image).astype(int) - np.asarray(upright))
    assert difference.max() <= (30 if kind == "JPEG" else 0)


def test_damaged_exif_costs_the_turn_and_not_the_image() -> None:
    content = encoded(photo(), "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xffgarbage")
    assert decode_bytes(content).size == (48, 32)


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"", "empty", "0 bytes"),
        (b"<!DOCTYPE html><html>not found", "not_an_image", "b'<!DOCTYPE html><'"),
        (b"\x00" * 100, "not_an_image", "none of JPEG, PNG,"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not_an_image", "%!PS"),
        (encoded(photo(), "ICO"), "not_an_image", "none of JPEG, PNG,"),
        (encoded(photo(), "JPEG")[:40], "corrupt", "begins like JPEG"),
        (b"\x89PNG\r\n\x1a\n" + b"\x01" * 40, "corrupt", "begins like PNG"),
        (encoded(photo(), "WEBP")[:20], "corrupt", "begins like WEBP"),
        (encoded(photo(), "JPEG")[:-400], "truncated", "truncated"),
        (encoded(photo(), "PNG")[:-900], "truncated", "truncated"),
        (encoded(photo(), "BMP")[:-900], "truncated", "truncated"),
        (encoded(photo(), "GIF")[:-900], "truncated", "truncated"),
        (png_header(0, 32), "corrupt", "declares 0 x 32 pixels"),
        (png_header(32, 0), "corrupt", "declares 32 x 0 pixels"),
        (b"GIF89a" + bytes(20), "corrupt", "declares 0 x 0 pixels"),
        (png_header(1, 500, b"\x00\x00\x00\x00" * 500), "too_thin", "1 x 500 pixels"),
        (encoded(Image.new("F", (4, 4)), "TIFF"), "unsupported", "mode F"),
        (encoded(Image.new("I", (4, 4)), "TIFF"), "unsupported", "mode I"),
    ],
)
def test_what_gives_no_pixels_says_why(content: bytes, status: str, words: str) -> None:
    got, reason = status_of(content)
    assert (got, words in reason) == (status, True), reason


@pytest.mark.parametrize("kind", ["profile", "history"])
def test_metadata_within_a_bound_cost_no_image(kind: str) -> None:
    """Pillow's own bound of 1 MiB called sound pictures corrupt."""

    def png(size: int) -> bytes:
        if kind == "profile":
            return encoded(photo(), "PNG", icc_profile=bytes(size))
        history = PngImagePlugin.PngInfo()
        history.add_itxt("XML:com.adobe.xmp", "x" * size, zip=True)
        return encoded(photo(), "PNG", pnginfo=history)

    assert decode_bytes(png(METADATA - 100)).tobytes() == photo().tobytes()
    status, reason = status_of(png(METADATA + 1))
    assert (status, reason[:41]) == ("unsupported", "its metadata unpack to over 16777216 byte")


def test_a_jpeg_whose_end_marker_alone_is_missing_is_whole() -> None:
    sound = encoded(photo(), "JPEG")
    assert decode_bytes(sound[:-2]).tobytes() == decode_bytes(sound).tobytes()
    for content in (sound[:-5], encoded(photo(), "JPEG", progressive=True)[:-2]):
        assert status_of(content)[0] == "truncated"  # pixels may be missing


def test_the_cap_is_held_before_decoding() -> None:
    """15000 x 15000 pixels would take 675 MB; the file holds none."""
    assert status_of(png_header(15_000, 15_000), 100_000_000)[0] == "too_large"
    assert status_of(png_header(15_000, 15_000), None)[0] == "too_large"
    status, reason = status_of(png_header(10_001, 10_000), 100_000_000)
    assert status == "too_large"
    assert "10001 x 10000" in reason
    assert decode_bytes(encoded(photo(10, 10), "PNG"), 100).size == (10, 10)
    assert status_of(encoded(photo(10, 10), "PNG"), 99)[0] == "too_large"


SEEDS = [
    encoded(photo(), "JPEG"),
    encoded(photo(), "JPEG", progressive=True),
    encoded(photo(), "PNG"),
    encoded(photo(), "GIF"),
    encoded(photo(), "WEBP"),
    encoded(photo(), "BMP"),
    encoded(photo(), "TIFF", compression="tiff_lzw"),
]


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
    st.floats(0, 1),
)
def test_damage_of_any_kind_gives_pixels_or_a_status(
    content: bytes, changes: list[tuple[float, int]], kept: float
) -> None:
    damaged = bytearray(content)
    for place, value in changes:
        damaged[int(place * len(damaged))] = value
    try:
        image = decode_bytes(bytes(damaged[: int(kept * len(damaged))]), 1_000_000)
    except BadImageError:
        return
    assert image.mode == "RGB"
