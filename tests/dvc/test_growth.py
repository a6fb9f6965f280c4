"""One more image: one forward pass, one other shard, and no more than that is pushed."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from pipeline.store.reader import Reader
from tests.dvc.workspace import IMAGES, Workspace, sample_images, sample_posts, write_posts

pytestmark = pytest.mark.dvc


def shards(files: dict[str, bytes]) -> dict[str, bytes]:
    return {path: content for path, content in files.items() if path.endswith(".h5")}


def place(path: str) -> str:
    """Which shard of how many, from its file name."""
    return Path(path).name.split(".")[0]


def objects(remote: Path) -> set[str]:
    return {path.relative_to(remote).as_posix() for path in remote.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("role", "output", "named"), [("tags", "pooled", False), ("regions", "grid", True)]
)
def test_one_image_more(
    workspace: Workspace, tmp_path: Path, role: str, output: str, named: bool
) -> None:
    folder = f"features/{role}"
    remote = tmp_path / "remote"
    workspace.dvc("remote", "add", "--default", "store", str(remote))
    workspace.dvc("push", folder)
    before, pushed = workspace.files(folder), objects(remote)
    old = Reader(workspace.path / folder)
    old_rows = dict(zip(old.keys, old.rows(output, old.keys), strict=True))
    assert len(old_rows) == IMAGES

    images = workspace.path / "data" / "images"
    held = {path.read_bytes() for path in images.iterdir()}
    added = next(path for path in sample_images() if path.read_bytes() not in held)
    shutil.copy2(added, images)
    shutil.copy2(sample_images()[0], images / "again.jpg")  # which costs nothing
    if named:
        posts = workspace.path / "samples" / "posts" / "train.txt"
        post = next(p for p in sample_posts("train") if p.startswith(f"IMGID:{added.stem}\n"))
        write_posts(posts, [*posts.read_text(encoding="utf-8").rstrip("\n").split("\n\n"), post])
    done = workspace.repro(f"extract@{role}")

    assert done.ran == {"index_images", f"extract@{role}"} | ({"prepare"} if named else set())
    assert f"1 image computed, {IMAGES} reused" in done.output
    assert f"({IMAGES + 2} usable ids, {IMAGES + 1} distinct images, 0 masked)" in done.output
    assert "1 added, 0 removed, 1 shards written" in done.output

    after = workspace.files(folder)
    gone, new = (shards(a).keys() - shards(b).keys() for a, b in ((before, after), (after, before)))
    assert len(gone) == len(new) == 1 < len(shards(after))
    assert {place(path) for path in gone} == {place(path) for path in new}
    for path in shards(before).keys() & shards(after).keys():
        assert after[path] == before[path]
    grown = Reader(workspace.path / folder)
    assert len(grown) == IMAGES + 1
    for key, row in old_rows.items():
        np.testing.assert_array_equal(grown.row(output, key), row)

    workspace.dvc("push", folder)
    assert len(objects(remote) - pushed) == 4  # the shard, the index, its summary, DVC's listing
