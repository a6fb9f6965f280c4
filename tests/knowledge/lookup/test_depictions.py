"""Which pictures show which entities: from a table, or from a folder for each entity."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.corpus.images import read_images
from pipeline.errors import PipelineError
from pipeline.knowledge.lookup.depictions import (
    Files,
    Report,
    index_entity_images,
    read_depictions,
)
from pipeline.params.index_images import IndexImages
from tests.blocks import of_project, quiet
from tests.knowledge.conftest import EXAMPLE, Import, statement


@pytest.fixture
def folder(imported: Import, tmp_path: Path) -> Path:
    """Entities a, b and c in `graph`, and a folder of pictures."""
    imported([statement("a", "p", "b"), statement("b", "p", "c"), statement("a/c", "p", "c")])
    return tmp_path / "pictures"


def picture(path: Path, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 255, (30, 40, 3), np.uint8)
    Image.fromarray(noise).save(path)


def index(folder: Path, source: Path, on_bad_image: str = "mask") -> Report:
    root = folder.parent
    files = Files(
        graph=root / "graph",
        table=source,
        folder=folder,
        images=root / "images.parquet",
        thumbnails=root / "thumbnails",
        depictions=root / "depictions.parquet",
        metrics=root / "images.json",
    )
    params = of_project("index_images", IndexImages, on_bad_image=on_bad_image, max_pixels=10_000)
    return index_entity_images(params, quiet(workers=1), files)


def table(folder: Path, *rows: str, header: str = "entity\tfile") -> Path:
    path = folder.parent / "images.tsv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_a_table(folder: Path) -> None:
    for name in ("a.png", "b.png", "nobody.png"):
        picture(folder / name, len(name))
    (folder / "bad.jpg").write_bytes(b"no picture")
    source = table(
        folder,
        f"{EXAMPLE}a\ta.png",
        f"{EXAMPLE}b\ta.png",
        f"{EXAMPLE}b\tb.png",
        f"{EXAMPLE}b\tb.png",
        f"{EXAMPLE}c\tbad.jpg",
        f"{EXAMPLE}c\tmissing.jpg",
        f"{EXAMPLE}z\tb.png",
        "half a line",
    )
    report = index(folder, source)
    assert (report.depicted, report.entities, report.unknown.count) == (2, 4, 2)
    assert f"images.tsv:8: {EXAMPLE}z: no entity" in str(report)
    assert "images.tsv:9: 1 fields, not 2" in str(report)
    rows = {row.image: row.status for row in read_images(folder.parent / "images.parquet")}
    assert rows == {
        "a.png": "ok",
        "b.png": "ok",
        "bad.jpg": "not_an_image",
        "missing.jpg": "missing",
    }
    assert len(read_depictions(folder.parent / "depictions.parquet")) == 5
    with pytest.raises(PipelineError, match="2 images cannot be used"):
        index(folder, source, on_bad_image="error")


def test_a_folder_for_each_entity(folder: Path) -> None:
    for name in ("b/1.png", "b/2.png", "c/1.png", "http%3A%2F%2Fexample.org%2Fa/1.png", "z/1.png"):
        picture(folder / name, len(name))
    report = index(folder, folder)
    assert read_depictions(folder.parent / "depictions.parquet") == [
        (f"{EXAMPLE}a", "http%3A%2F%2Fexample.org%2Fa/1.png"),
        (f"{EXAMPLE}b", "b/1.png"),
        (f"{EXAMPLE}b", "b/2.png"),
    ]
    assert report.unknown.count == 2
    assert "the folder c means 2 entities" in str(report)  # .../c and .../a/c
    assert "the folder z means no entity" in str(report)


def test_what_shows_nobody_is_refused(folder: Path) -> None:
    picture(folder / "a.png")
    with pytest.raises(PipelineError, match="its first line must be entity<TAB>file"):
        index(folder, table(folder, header="file\tentity"))
    with pytest.raises(PipelineError, match="no such file"):
        index(folder, folder.parent / "none.tsv")
    for source in (table(folder, f"{EXAMPLE}z\ta.png"), folder):
        with pytest.raises(PipelineError, match="shows no entity"):
            index(folder, source)
    empty = folder.parent / "empty"
    empty.mkdir()
    source = table(empty, f"{EXAMPLE}a\ta.png")
    with pytest.raises(PipelineError, match=r"no image in this folder.*graph\.images"):
        index(empty, source)
