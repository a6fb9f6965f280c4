"""Every kind of odd image: a row that says why, or the features of the picture one sees."""

import io
import json
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import ExifTags, Image

from pipeline.corpus.image_index import index_images
from pipeline.corpus.images import read_images, usable
from pipeline.corpus.posts import Post, write_posts
from pipeline.params.index_images import IndexImages
from pipeline.store.reader import Reader
from tests.blocks import of_project, quiet
from tests.vision.conftest import Corpus, photo

pytestmark = pytest.mark.processor

WHITE = (255, 255, 255)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def header(width: int, height: int) -> bytes:
    """A PNG that declares an extent and holds no pixels."""
    content = bytearray(encoded(Image.new("RGB", (3, 2))))
    struct.pack_into(">II", content, 16, width, height)
    struct.pack_into(">I", content, 29, zlib.crc32(content[12:29]))
    return bytes(content)


def transparent(image: Image.Image) -> Image.Image:
    """Make the left half of a picture invisible."""
    mask = Image.new("L", image.size, 255)
    mask.paste(0, (0, 0, image.width // 2, image.height))
    layered = image.convert("RGBA")
    layered.putalpha(mask)
    return layered


def turned(image: Image.Image) -> bytes:
    """A picture that is stored on its side, with an EXIF tag that says so."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    return encoded(image.transpose(Image.Transpose.ROTATE_90), exif=exif)


PALETTE = photo(2).convert("P", palette=Image.Palette.ADAPTIVE)
GREY = np.asarray(photo(3).convert("L"))
HALF_WHITE = photo(4)
HALF_WHITE.paste(WHITE, (0, 0, HALF_WHITE.width // 2, HALF_WHITE.height))
FRAME = photo(5).convert("P", palette=Image.Palette.ADAPTIVE)
CMYK = photo(1).convert("CMYK")

# file -> its content, and the picture that people see in it
SOUND: dict[str, tuple[bytes, Image.Image]] = {
    "cmyk.tiff": (encoded(CMYK, "TIFF"), CMYK.convert("RGB")),
    "palette.png": (encoded(PALETTE), PALETTE.convert("RGB")),
    "sixteen.png": (
        encoded(Image.fromarray(GREY.astype(np.uint16) * 257)),
        Image.fromarray(GREY).convert("RGB"),
    ),
    "rgba.png": (encoded(transparent(photo(4))), HALF_WHITE),
    "moving.gif": (
        encoded(FRAME, "GIF", save_all=True, append_images=[photo(9).convert("P")]),
        FRAME.convert("RGB"),
    ),
    "turned.png": (turned(photo(6)), photo(6)),
}
BAD = {
    "empty": ("empty.jpg", b""),
    "truncated": ("cut.jpg", encoded(photo(0), "JPEG")[:-500]),
    "not_an_image": ("text.jpg", b"404 not found"),
    "corrupt": ("header.jpg", encoded(photo(0), "JPEG")[:30]),
    "too_large": ("huge.png", header(15_000, 15_000)),
}


def test_every_kind_has_a_status_and_what_is_sound_the_features_of_its_picture(
    make_corpus: Callable[..., Corpus],
) -> None:
    corpus = make_corpus(0)
    for name, (content, _) in SOUND.items():
        (corpus.folder / name).write_bytes(content)
    for name, content in BAD.values():
        (corpus.folder / name).write_bytes(content)
    (corpus.folder / "thin.png").write_bytes(header(0, 5))
    (corpus.folder / "folder.jpg").mkdir()
    (corpus.folder / "folder.jpg" / "note").write_bytes(b"")
    (corpus.folder / "dangling.jpg").symlink_to("nowhere.jpg")
    posts = [
        Post(f"train/{n}", "train", image, ("a",), ("O",), n + 1)
        for n, image in enumerate(["0", "gone", "../0"])
    ]
    write_posts(posts, corpus.root / "posts.parquet")
    index_images(
        corpus.root / "posts.parquet",
        corpus.folder,
        corpus.table,
        corpus.root / "thumbnails",
        corpus.root / "images.json",
        of_project("index_images", IndexImages),
        quiet(),
    )
    images = read_images(corpus.table)
    found = {row.path or row.image: row.status for row in images}
    assert found == {
        "0.png": "ok",
        **dict.fromkeys(SOUND, "ok"),
        **{name: status for status, (name, _) in BAD.items()},
        "thin.png": "corrupt",
        "folder.jpg": "directory",
        "dangling.jpg": "dangling_link",
        "gone": "missing",
        "../0": "refused",
    }
    assert all(bool(row.reason) == (row.status != "ok") for row in images)
    counted = json.loads((corpus.root / "images.json").read_text())["images"]
    assert counted == {"ok": 7, "corrupt": 2} | dict.fromkeys(
        ["directory", "dangling_link", "missing", "refused", *(BAD.keys() - {"corrupt"})], 1
    )
    report = corpus.extract("odd", outputs=["pooled"])
    assert (report.computed, report.masked) == (7, 10)
    keys = usable(images)
    # plain PNG files of the same pictures must give the same rows
    for name, (_, picture) in SOUND.items():
        (corpus.folder / name).unlink()
        picture.save(corpus.folder / f"{name}.png")
    corpus.index()
    corpus.extract("plain", outputs=["pooled"])
    plain = usable(read_images(corpus.table))
    odd_rows, plain_rows = Reader(corpus.root / "odd"), Reader(corpus.root / "plain")
    for name in SOUND:
        np.testing.assert_array_equal(
            odd_rows.row("pooled", keys[name.split(".")[0]]),
            plain_rows.row("pooled", plain[name]),
            err_msg=name,
        )
