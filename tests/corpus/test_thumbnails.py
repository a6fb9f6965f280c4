"""Thumbnails: small, upright, the same bytes in any order, and no more of them than images."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.corpus.image_index import index_images
from pipeline.corpus.images import read_images
from pipeline.corpus.posts import Post, write_posts
from pipeline.corpus.thumbnails import SIDE, read_thumbnail, thumbnail_of, write_thumbnail
from pipeline.errors import PipelineError
from pipeline.params.index_images import IndexImages
from tests.blocks import of_project, quiet

TURNED = 6  # EXIF: the picture lies on its left side


def photograph(path: Path, width: int, height: int, orientation: int | None = None) -> None:
    """White, with a red left half."""
    pixels = np.full((height, width, 3), 255, np.uint8)
    pixels[:, : width // 2] = (200, 0, 0)
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(path, quality=95, exif=exif)


def index(root: Path, workers: int = 2) -> dict[str, str]:
    """Index `root`/images: id -> sha256 of those that can be used."""
    posts = root / "posts.parquet"
    write_posts([Post("train/0", "train", None, ("a",), ("O",), 1)], posts)
    index_images(
        posts,
        root / "images",
        root / "images.parquet",
        root / "thumbnails",
        root / "images.json",
        of_project("index_images", IndexImages),
        quiet(workers=workers),
    )
    return {row.image: row.sha256 for row in read_images(root / "images.parquet") if row.sha256}


def content(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (root / "thumbnails").iterdir()}


def test_they_are_small_and_upright(tmp_path: Path) -> None:
    photograph(tmp_path / "images" / "wide.jpg", 800, 400)
    photograph(tmp_path / "images" / "turned.jpg", 800, 400, TURNED)
    photograph(tmp_path / "images" / "small.png", 40, 30)
    photograph(tmp_path / "images" / "thin.png", 1000, 6)
    (tmp_path / "images" / "broken.jpg").write_bytes(b"no picture")
    keys = index(tmp_path)
    assert content(tmp_path).keys() == {f"{sha256}.jpg" for sha256 in keys.values()}
    found = {}
    for image, sha256 in keys.items():
        with Image.open(thumbnail_of(sha256, tmp_path / "thumbnails")) as picture:
            assert picture.format == "JPEG"
            found[image] = picture.convert("RGB")
    sizes = {image: picture.size for image, picture in found.items()}
    assert sizes == {
        "wide": (SIDE, SIDE // 2),
        "turned": (SIDE // 2, SIDE),
        "small": (40, 30),  # not enlarged
        "thin": (SIDE, 2),
    }
    red, white = (found["turned"].getpixel((64, y)) for y in (20, 236))
    assert isinstance(red, tuple)
    assert isinstance(white, tuple)
    assert red[1] < 60 < 200 < white[1]  # its left half is above now


def test_they_follow_from_the_images_alone(tmp_path: Path) -> None:
    """Not from the order in which the folder grew, the threads, or what a run before left."""
    for root, names in ((tmp_path / "a", "xyz"), (tmp_path / "b", "zyx")):
        root.mkdir()
        for place, name in enumerate(names):
            photograph(root / "images" / f"{name}.jpg", 300 + ord(name), 200)
            if root.name == "b":
                index(root, workers=1 + place)
    photograph(tmp_path / "a" / "images" / "again.jpg", 300 + ord("x"), 200)
    photograph(tmp_path / "b" / "images" / "gone.jpg", 77, 77)
    index(tmp_path / "b")
    (tmp_path / "b" / "images" / "gone.jpg").unlink()
    (tmp_path / "b" / "thumbnails" / ".half.tmp").write_bytes(b"of a run that was killed")
    index(tmp_path / "a", workers=4)
    index(tmp_path / "b")
    assert len(content(tmp_path / "a")) == 3
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_faults_are_sentences(tmp_path: Path) -> None:
    picture = Image.new("RGB", (8, 8))
    with pytest.raises(PipelineError, match="nowhere: cannot be written: No such file"):
        write_thumbnail(picture, "0" * 64, tmp_path / "nowhere")
    with pytest.raises(PipelineError, match=r"0\.jpg: no such thumbnail; .*dvc pull"):
        read_thumbnail("0" * 64, tmp_path)
    assert picture.size == (8, 8)
