"""The planted corpus says what it claims: types follow pictures, and no word tells them."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import planted
from pipeline.corpus.posts import Post, read_posts

THINGS = (404, 700, 950)
CLASSES = {2: "ORG", 150: "PER", 207: "PER", 310: "ORG", 340: "PER", 392: "ORG"}
CLASSES |= dict.fromkeys(THINGS, "OTHER")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "photographs"
    folder.mkdir()
    lines = ["file\tclass_index\tsynset\tname"]
    for index in CLASSES:
        noise = np.random.default_rng(index).integers(0, 255, (40, 60, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"p{index}.JPEG")
        lines.append(f"p{index}.JPEG\t{index}\tn{index}\tthing")
    (folder / "labels.tsv").write_text("\n".join(lines) + "\n")
    return folder


def make(folder: Path, data: Path, shown: bool, seed: int = 1) -> list[Post]:
    return read_posts(planted._make(folder, data, seed, shown).posts)


def entity(post: Post) -> tuple[str, str]:
    """The name in a planted post and its type."""
    name = [t for t, label in zip(post.tokens, post.labels, strict=True) if label != "O"]
    kinds = {label[2:] for label in post.labels if label != "O"}
    assert len(kinds) == 1
    return " ".join(name), kinds.pop()


def test_the_picture_decides_the_type_and_the_words_do_not(data: Path, tmp_path: Path) -> None:
    posts = make(tmp_path / "a", data, shown=True)
    by_context: dict[str, set[str]] = {}
    for post in posts:
        name, kind = entity(post)
        photograph = str(post.image).split("-")[0].removeprefix("p")
        assert kind == CLASSES[int(photograph)]
        by_context.setdefault(" ".join(post.tokens).replace(name, "_"), set()).add(kind)
    assert all(kinds == {"PER", "ORG", "OTHER"} for kinds in by_context.values())
    names = [entity(post)[0] for post in posts if post.split == "test"]
    seen = {entity(post)[0] for post in posts if post.split == "train"}
    assert sum(name in seen for name in names) < 0.02 * len(names)


def test_no_picture_is_in_two_splits(data: Path, tmp_path: Path) -> None:
    posts = make(tmp_path / "a", data, shown=True)
    used = {split: {p.image for p in posts if p.split == split} for split in planted.POSTS}
    assert not used["train"] & used["dev"]
    assert not (used["train"] | used["dev"]) & used["test"]
    contents = [path.read_bytes() for path in (tmp_path / "a" / "images").iterdir()]
    assert len(set(contents)) == len(contents) == 4 * len(CLASSES)


def test_masked_posts_are_the_same_but_for_their_pictures(data: Path, tmp_path: Path) -> None:
    shown = make(tmp_path / "a", data, shown=True)
    masked = make(tmp_path / "b", data, shown=False)
    assert [(p.tokens, p.labels) for p in shown] == [(p.tokens, p.labels) for p in masked]
    assert not any((tmp_path / "b/images" / f"{post.image}.jpg").exists() for post in masked)


def test_an_unknown_benchmark_names_the_nearest(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "plantd"], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "did you mean 'planted'" in done.stderr
