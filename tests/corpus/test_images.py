"""The index of images: a folder of traps, ids that mean no file or two, and the stage itself."""

import hashlib
import io
import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from pipeline.corpus.image_index import Report, index_images
from pipeline.corpus.images import Image, read_images, usable, write_images
from pipeline.corpus.listing import Listing, Resolver
from pipeline.corpus.posts import Post, write_posts
from pipeline.errors import PipelineError
from pipeline.params.index_images import IndexImages
from tests.blocks import of_project, quiet

ROOT = Path(__file__).parents[2]


def picture(seed: int = 0, kind: str = "PNG") -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (20, 30, 3), np.uint8)
    stream = io.BytesIO()
    Pillow.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def huge() -> bytes:
    """A PNG of 30 x 20 pixels whose header claims 225 million."""
    content = bytearray(picture())
    struct.pack_into(">II", content, 16, 15_000, 15_000)
    struct.pack_into(">I", content, 29, zlib.crc32(content[12:29]))
    return bytes(content)


class Corpus:
    """An image folder and posts in a temporary directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "images"
        self.folder.mkdir()

    def put(self, name: str, content: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def index(
        self,
        ids: Sequence[str | None] = (),
        on_bad_image: Literal["mask", "error"] = "mask",
    ) -> Report:
        posts = [
            Post(f"train/{n}", "train", image, ("word",), ("O",), n + 1)
            for n, image in enumerate(ids)
        ]
        write_posts(posts, self.root / "posts.parquet")
        return index_images(
            self.root / "posts.parquet",
            self.folder,
            self.root / "images.parquet",
            self.root / "thumbnails",
            self.root / "images.json",
            of_project("index_images", IndexImages, on_bad_image=on_bad_image, on_no_image="mask"),
            quiet(),
        )

    def rows(self) -> dict[str, Image]:
        return {row.image: row for row in read_images(self.root / "images.parquet")}

    def metrics(self) -> dict[str, dict[str, int]]:
        tree: dict[str, dict[str, int]] = json.loads((self.root / "images.json").read_text())
        return tree


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return Corpus(tmp_path)


def test_every_kind_of_bad_image_is_a_row_with_a_reason(corpus: Corpus) -> None:
    corpus.put("good.png", picture())
    corpus.put("empty.jpg", b"")
    corpus.put("text.jpg", b"404 not found\n")
    corpus.put("vector.svg", b"<svg/>")
    corpus.put("cut.jpg", picture(kind="JPEG")[:-200])
    corpus.put("header.jpg", picture(kind="JPEG")[:30])
    corpus.put("huge.png", huge())
    corpus.put("folder.jpg/inside.txt", b"")
    corpus.put("notes.txt", b"")
    corpus.put(".DS_Store", b"")
    corpus.put("._good.png", b"resource fork")
    corpus.put("sub/Thumbs.db", b"")
    (corpus.folder / "dangling.jpg").symlink_to("nowhere.jpg")
    (corpus.folder / "circle.jpg").symlink_to("circle.jpg")
    os.mkfifo(corpus.folder / "pipe.jpg")
    report = corpus.index(["good", "gone", "../good", "/etc/passwd", "C:\\x", None])
    assert {image: (row.status, row.path) for image, row in corpus.rows().items()} == {
        "good": ("ok", "good.png"),
        "empty": ("empty", "empty.jpg"),
        "text": ("not_an_image", "text.jpg"),
        "vector": ("not_an_image", "vector.svg"),
        "cut": ("truncated", "cut.jpg"),
        "header": ("corrupt", "header.jpg"),
        "huge": ("too_large", "huge.png"),
        "folder": ("directory", "folder.jpg"),
        "dangling": ("dangling_link", "dangling.jpg"),
        "circle": ("unreadable", "circle.jpg"),
        "pipe": ("unreadable", "pipe.jpg"),
        "gone": ("missing", None),
        "../good": ("refused", None),
        "/etc/passwd": ("refused", None),
        "C:\\x": ("refused", None),
    }
    for row in corpus.rows().values():
        good = row.status == "ok"
        assert (row.reason == "") == good
        assert (row.sha256 is not None) == (row.width is not None) == good
    assert usable(corpus.rows().values()) == {"good": hashlib.sha256(picture()).hexdigest()}
    assert corpus.metrics() == {
        "images": {
            "ok": 1,
            "empty": 1,
            "not_an_image": 2,
            "truncated": 1,
            "corrupt": 1,
            "too_large": 1,
            "directory": 1,
            "dangling_link": 1,
            "unreadable": 2,
            "missing": 1,
            "refused": 3,
        },
        "posts": {"all": 6, "with_image": 5, "usable": 1},
        "other_files": 4,
    }
    assert "6 posts: 5 name an image, 1 of these usable" in str(report)
    assert "  cut.jpg: truncated: " in str(report)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_that_may_not_be_read(corpus: Corpus) -> None:
    corpus.put("secret.png", picture())
    (corpus.folder / "secret.png").chmod(0)
    corpus.index()
    assert corpus.rows()["secret"].status == "unreadable"


def test_ids_are_as_the_posts_write_them(corpus: Corpus) -> None:
    for name in ("16_05_01_66.jpg", "O_1926.jpg", "0017.png", "a.b.png", "sub/deep.png", "bare"):
        corpus.put(name, picture())
    corpus.put("unnamed.png", picture(1))
    corpus.index(["16_05_01_66", "O_1926.jpg", "0017", "0017.png", "a.b", "sub/deep", "bare"])
    assert {image: row.path for image, row in corpus.rows().items()} == {
        "16_05_01_66": "16_05_01_66.jpg",
        "O_1926.jpg": "O_1926.jpg",
        "0017": "0017.png",
        "0017.png": "0017.png",
        "a.b": "a.b.png",
        "sub/deep": "sub/deep.png",
        "bare": "bare",
        "unnamed": "unnamed.png",
    }
    assert {row.status for row in corpus.rows().values()} == {"ok"}
    assert list(corpus.rows()) == sorted(corpus.rows())
    assert (corpus.rows()["0017"].width, corpus.rows()["0017"].height) == (30, 20)


def test_two_files_of_one_name_are_ambiguous_unless_named_in_full(corpus: Corpus) -> None:
    corpus.put("x.jpg", picture(1, "JPEG"))
    corpus.put("x.png", picture(2))
    corpus.index(["x", "x.png"])
    rows = corpus.rows()
    assert (rows["x"].status, rows["x"].path) == ("ambiguous", None)
    assert "x.jpg, x.png" in rows["x"].reason
    assert rows["x.png"].path == "x.png"
    assert rows["x.jpg"].path == "x.jpg"  # no post names it, and its plain id is taken
    assert corpus.metrics()["posts"] == {"all": 2, "with_image": 2, "usable": 1}


def test_links_to_files_and_folders_are_followed_once(corpus: Corpus, tmp_path: Path) -> None:
    """DVC may check out a folder as links into its cache."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "0a1b").write_bytes(picture())
    (corpus.folder / "linked.png").symlink_to(tmp_path / "cache" / "0a1b")
    (corpus.folder / "again").symlink_to(corpus.folder)
    corpus.index(["linked"])
    assert {image: row.status for image, row in corpus.rows().items()} == {"linked": "ok"}


def test_error_lists_the_first_twenty_and_writes_nothing(corpus: Corpus) -> None:
    corpus.put("good.png", picture())
    ids = [f"gone{n:02}" for n in range(25)]
    with pytest.raises(PipelineError) as caught:
        corpus.index(["good", *ids], on_bad_image="error")
    lines = str(caught.value).splitlines()
    assert lines[0] == "25 images cannot be used:"
    assert lines[1] == "  gone00: missing: no file of this name in the image folder"
    assert lines[20].startswith("  gone19: ")
    assert lines[21] == "  … and 5 more"
    assert "on_bad_image: mask" in lines[22]
    assert not (corpus.root / "images.parquet").exists()
    corpus.index(["good"], on_bad_image="error")
    assert corpus.metrics()["images"] == {"ok": 1}


@pytest.mark.parametrize("state", ["absent", "empty", "no image"])
def test_a_folder_without_images_is_an_error_even_where_no_post_names_one(
    corpus: Corpus, state: str
) -> None:
    if state == "absent":
        corpus.folder.rmdir()
    if state == "no image":
        corpus.put("README.txt", b"")
    with pytest.raises(PipelineError, match=r"images: no .*dvc pull.*dataset\.images"):
        corpus.index([None])


def test_equal_input_gives_equal_bytes(corpus: Corpus, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    other = Corpus(tmp_path / "copy")
    names = ["b.png", "a.jpg", "sub/c.png"]
    for name in names:
        corpus.put(name, picture(len(name)))
    for name in reversed(names):
        other.put(name, picture(len(name)))
    for one in (corpus, other):
        one.index(["a", "sub/c", "gone"])
    for file in ("images.parquet", "images.json"):
        assert (corpus.root / file).read_bytes() == (other.root / file).read_bytes()


def test_the_table_comes_back_as_written(tmp_path: Path) -> None:
    rows = [
        Image("b", None, None, None, None, "missing", "why"),
        Image("a", "a.png", "0" * 64, 3, 4, "ok", ""),
    ]
    write_images(rows, tmp_path / "images.parquet")
    assert read_images(tmp_path / "images.parquet") == rows[::-1]
    write_images([], tmp_path / "images.parquet")
    assert read_images(tmp_path / "images.parquet") == []


NAMES = st.text("ab./\\:", min_size=1, max_size=8)


@given(st.lists(NAMES), NAMES)
def test_no_id_means_anything_but_a_listed_entry(names: list[str], image: str) -> None:
    """An id means an entry of the folder or nothing; one that climbs means nothing."""
    listing = Listing(
        tuple(sorted({f"{name}.png" for name in names})), frozenset(names), frozenset()
    )
    found = Resolver(listing).find(image)
    if found.path is None:
        assert found.status in ("missing", "refused", "ambiguous")
        assert found.reason
    else:
        assert found.path in {*listing.images, *listing.others}
    if ".." in image.replace("\\", "/").split("/") or image.startswith("/"):
        assert found.status == "refused"


def test_the_stage(corpus: Corpus) -> None:
    """The stage as DVC runs it: bad input gives a sentence and status 1, else a report and 0."""
    corpus.put("cut.jpg", picture(kind="JPEG")[:-200])
    corpus.index(["cut", "gone"])
    command = [sys.executable, "-m", "stages.index_images"]
    command += ["--posts", "posts.parquet", "--folder", "images"]
    command += ["--images", "out/images.parquet", "--thumbnails", "out/thumbnails"]
    command += ["--metrics", "out/images.json"]

    def run(on_bad_image: str) -> subprocess.CompletedProcess[str]:
        tree = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))
        tree["index_images"] |= {"on_bad_image": on_bad_image, "on_no_image": "mask"}
        (corpus.root / "params.yaml").write_text(yaml.safe_dump(tree))
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        return subprocess.run(
            command, cwd=corpus.root, env=environment, capture_output=True, text=True, check=False
        )

    done = run("mask")
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 images: 0 ok, 1 missing, 1 truncated" in done.stdout
    done = run("error")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: 2 images cannot be used:\n  cut.jpg: truncated: ")
    assert "Traceback" not in done.stderr
