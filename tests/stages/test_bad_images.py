"""Images that cannot be used: each has a row that says why, or is an error if params ask for it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from pipeline.corpus.images import read_images
from pipeline.corpus.posts import read_posts
from tests.stages.conftest import POST, Project


def truncated(path: Path) -> bytes:
    content = path.read_bytes()
    return content[: len(content) // 2]


SPOILED: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "truncated": (truncated, "truncated"),
    "text": (lambda _: b"This is no photograph.\n", "not_an_image"),
    "empty": (lambda _: b"", "empty"),
    "header": (lambda path: path.read_bytes()[:20], "corrupt"),
}


@pytest.mark.parametrize("kind", SPOILED)
def test_a_spoiled_image_is_masked_or_an_error(project: Project, kind: str) -> None:
    spoil, status = SPOILED[kind]
    image = project.path / "images" / "a.jpg"
    image.write_bytes(spoil(image))

    report = project.passes("index_images")
    assert f"a.jpg: {status}: " in report
    rows = {row.image: row for row in read_images(project.path / "features" / "images.parquet")}
    assert set(rows) == {"a", "b0", "b1", "b2"}
    assert (rows["a"].status, rows["a"].sha256) == (status, None)
    assert rows["a"].reason
    counted = json.loads((project.path / "features" / "images.json").read_text("utf-8"))
    assert counted["images"] == {"ok": 3, status: 1}
    assert counted["posts"] == {"all": 6, "with_image": 6, "usable": 3}

    project.params(lambda tree: tree["index_images"].update(on_bad_image="error"))
    message = project.fails("index_images")
    assert message.startswith("1 images cannot be used:")
    assert f"a.jpg: {status}: " in message
    assert "index_images.on_bad_image: mask" in message


def test_an_unknown_image_id_is_masked_or_an_error(project: Project) -> None:
    project.write("dev.txt", POST.format(image="nowhere"))
    project.passes("prepare")
    assert "nowhere: missing: " in project.passes("index_images")
    rows = {row.image: row for row in read_images(project.path / "features" / "images.parquet")}
    assert rows["nowhere"].status == "missing"
    posts = read_posts(project.path / "features" / "posts.parquet")
    assert [post.image for post in posts if post.split == "dev"] == ["nowhere"]  # never dropped

    project.params(lambda tree: tree["index_images"].update(on_bad_image="error"))
    assert "nowhere: missing: " in project.fails("index_images")


@pytest.mark.parametrize(
    ("files", "ids", "words"),
    [
        (
            ["set/O_1.jpg", "set/16_05_01_2.jpg"],
            ["O_1", "16_05_01_2"],
            [
                "O_1: missing: no file of this name in the image folder; set/O_1.jpg differs in",
                "set dataset.images to images/set, where files of these names lie",
            ],
        ),
        (
            ["A.JPG", "b.jpeg"],
            ["A.jpg", "b.jpg"],
            [
                "A.jpg: missing: no file of this name in the image folder; A.JPG differs in",
                "b.jpg: missing: no file of this name in the image folder; b.jpeg differs in",
                "set dataset.images to the folder of these images",
            ],
        ),
    ],
)
def test_a_corpus_without_one_usable_image_stops(
    project: Project, files: list[str], ids: list[str], words: list[str]
) -> None:
    """It was masked in silence once: images a folder lower, or names of another case or suffix."""
    folder = project.path / "images"
    content = (folder / "a.jpg").read_bytes()
    for path in folder.iterdir():
        path.unlink()
    for name in files:
        project.write(f"images/{name}", content)
    for split in ("train", "dev", "test"):
        project.write(f"{split}.txt", "\n".join(POST.format(image=image) for image in ids))
    project.passes("prepare")
    message = project.fails("index_images")
    assert message.startswith("images: not one of the 2 images that posts name can be used:")
    for word in words:
        assert word in message
    project.params(lambda tree: tree["index_images"].update(on_no_image="mask"))
    assert "6 posts: 6 name an image, 0 of these usable" in project.passes("index_images")


def test_too_many_pixels(project: Project) -> None:
    project.params(lambda tree: tree["index_images"].update(max_pixels=2000, on_no_image="mask"))
    Image.new("RGB", (10, 10)).save(project.path / "images" / "small.png")
    assert "a.jpg: too_large: 60 x 40 pixels" in project.passes("index_images")
