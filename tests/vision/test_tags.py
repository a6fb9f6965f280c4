"""Image words against a brute-force softmax and sort, and the stage that writes them."""

import hashlib
import math
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from torchvision.models import ResNet50_Weights

from pipeline.errors import PipelineError
from pipeline.fingerprint import Fingerprint, Output
from pipeline.store.store import Store
from pipeline.vision.imagenet import NAMES
from pipeline.vision.tags import tags, top
from stages.tags import main

LOGITS = st.floats(-100, 100, width=32)
FEW = st.sampled_from([0.0, 1.0, 1.0 + 2**-20, 2.0])  # ties and near ties


@given(
    arrays(np.float32, st.tuples(st.integers(1, 4), st.just(12)), elements=LOGITS | FEW),
    st.integers(1, 12),
)
def test_top_is_softmax_and_sort(logits: NDArray[np.float32], k: int) -> None:
    best, shares = top(logits, k)
    for row, classes, probabilities in zip(logits.tolist(), best, shares, strict=True):
        powers = [math.exp(value - max(row)) for value in row]
        order = sorted(range(12), key=lambda number: (-row[number], number))[:k]
        assert classes.tolist() == order
        expected = [powers[number] / math.fsum(powers) for number in order]
        np.testing.assert_allclose(probabilities, np.array(expected, np.float32), rtol=1e-6)


def test_equal_logits_go_by_class_and_large_ones_do_not_overflow() -> None:
    best, shares = top(np.array([[1e4, 3, 1e4, -1e4]], np.float32), 4)
    assert best.tolist() == [[0, 2, 1, 3]]
    assert shares.tolist() == [[0.5, 0.5, 0, 0]]


def a_store(directory: Path, logits: NDArray[np.float32], backbone: str = "resnet50") -> list[str]:
    """Write a store of an ImageNet network with these rows, and give their sorted keys."""
    keys = sorted(hashlib.sha256(bytes([n])).hexdigest() for n in range(len(logits)))
    outputs = {"logits": Output((1000,), "float32")}
    fingerprint = Fingerprint(backbone, 1, "0" * 64, "", "", "float32", outputs)
    with Store(directory, fingerprint) as store:
        assert list(store.missing(keys)) == keys
        store.add(keys, {"logits": logits})
        store.finish()
    return keys


def test_the_table(tmp_path: Path) -> None:
    logits = np.random.default_rng(0).normal(size=(30, 1000)).astype(np.float32) * 4
    keys = a_store(tmp_path / "store", logits)
    report = tags(tmp_path / "store", tmp_path / "tags.parquet", 3)
    assert str(report) == "30 images: the 3 most probable classes of resnet50"
    table = pq.read_table(tmp_path / "tags.parquet").to_pydict()
    assert list(table) == ["sha256", "classes", "words", "probabilities"]
    assert table["sha256"] == keys
    best, shares = top(logits, 3)
    assert table["classes"] == best.tolist()
    assert table["probabilities"] == shares.tolist()
    assert table["words"] == [[NAMES[number] for number in row] for row in best]
    first = (tmp_path / "tags.parquet").read_bytes()
    tags(tmp_path / "store", tmp_path / "tags.parquet", 3)
    assert (tmp_path / "tags.parquet").read_bytes() == first


def test_imagenets_names() -> None:
    assert list(NAMES) == ResNet50_Weights.IMAGENET1K_V1.meta["categories"]


def test_more_words_than_classes_is_an_error(tmp_path: Path) -> None:
    a_store(tmp_path / "store", np.zeros((2, 1000), np.float32))
    with pytest.raises(PipelineError, match=r"tags\.top_k is 1001, but resnet50 has 1000 classes"):
        tags(tmp_path / "store", tmp_path / "tags.parquet", 1001)
    assert not (tmp_path / "tags.parquet").exists()


def test_a_network_whose_classes_have_no_names_is_an_error(tmp_path: Path) -> None:
    a_store(tmp_path / "store", np.zeros((2, 1000), np.float32), "resnet51")
    with pytest.raises(PipelineError, match=r"backbone 'resnet51' have no names; known .* vgg16 "):
        tags(tmp_path / "store", tmp_path / "tags.parquet", 5)
    assert not (tmp_path / "tags.parquet").exists()


def test_a_store_without_logits_is_an_error(tmp_path: Path) -> None:
    outputs = {"pooled": Output((4,), "float32")}
    fingerprint = Fingerprint("resnet50", 1, "0" * 64, "", "", "float32", outputs)
    key = "0" * 64
    with Store(tmp_path / "store", fingerprint) as store:
        store.missing([key])
        store.add([key], {"pooled": np.zeros((1, 4), np.float32)})
        store.finish()
    with pytest.raises(PipelineError, match=r"keeps pooled, .* add logits to extract\.tags"):
        tags(tmp_path / "store", tmp_path / "tags.parquet", 5)


def test_half_a_store_is_refused(tmp_path: Path) -> None:
    a_store(tmp_path / "store", np.zeros((40, 1000), np.float32))
    next((tmp_path / "store").glob("0*.h5")).unlink()
    with pytest.raises(PipelineError, match="dvc pull"):
        tags(tmp_path / "store", tmp_path / "tags.parquet", 5)
    assert not (tmp_path / "tags.parquet").exists()


def test_the_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_store(tmp_path / "store", np.eye(3, 1000, dtype=np.float32))
    (tmp_path / "params.yaml").write_text("tags: {top_k: 2}\n")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["--store", "store", "--tags", "tags.parquet"])
    assert (done.exit_code, done.stderr) == (0, "")
    words = pq.read_table(tmp_path / "tags.parquet")["words"].to_pylist()
    assert words == [["tench", "goldfish"], ["goldfish", "tench"], ["great white shark", "tench"]]
