"""The segmenter of hashtags as TriMod prints it: characters alone."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from dvc.utils.hydra import compose_and_dump
from safetensors import safe_open

from pipeline.corpus.posts import Post, write_posts
from pipeline.params.block import parse
from pipeline.params.segmenter import SegmenterParams
from pipeline.text.hashtags.neural import read_segmenter
from pipeline.text.hashtags.train import train_segmenter
from pipeline.text.hashtags.word_counts import START, WordCounts
from tests.blocks import quiet

COUNTS = WordCounts(
    {"the": 60.0, "cat": 10.0, START: 50.0}, {"the": {"cat": 8.0}}, 1000.0, "digest"
)


def composed(root: Path, folder: Path, preset: str) -> SegmenterParams:
    conf, path = str(root / "conf"), folder / "params.yaml"
    compose_and_dump(str(path), conf, None, "config", conf, [f"segmenter={preset}"])
    tree = yaml.safe_load(path.read_text("utf-8"))
    return parse(tree["segmenter"], SegmenterParams, preset)


def test_what_is_printed_is_set_and_all_else_is_as_in_quick(root: Path, tmp_path: Path) -> None:
    published, quick = (composed(root, tmp_path, name) for name in ("published", "quick"))
    printed = {"shape_width": 0, "counts": False}
    model = quick.model.model_copy(update=printed)
    assert published == quick.model_copy(update={"model": model}) != quick


def test_it_trains_and_reads_neither_case_nor_counts(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WordCounts, "read", classmethod(lambda cls: COUNTS))
    random = np.random.default_rng(1)
    posts = [
        Post(f"{split}/{n}", split, None, tuple(random.choice(["the", "cat"], 4)), ("O",) * 4, 1)
        for split in ("train", "dev")
        for n in range(8)
    ]
    write_posts(posts, tmp_path / "posts.parquet")
    params = composed(root, tmp_path, "published").model_copy(update={"phrases": 60})
    lines: list[str] = []
    train_segmenter(params, quiet(), tmp_path / "posts.parquet", tmp_path / "model", lines.append)
    assert lines[-1].startswith("segmenter: best epoch")
    with safe_open(tmp_path / "model" / "weights.safetensors", "pt") as weights:
        kept = set(weights.keys())
        width = params.model.char_width
        assert weights.get_slice("convolutions.0.weight").get_shape()[1] == width
    assert not any(name.startswith("shapes") for name in kept)
    assert json.loads((tmp_path / "model" / "segmenter.json").read_text())["counts"] is None
    monkeypatch.setattr(WordCounts, "read", None)  # nobody asks for counts
    segmenter = read_segmenter(tmp_path / "model")
    small, capitals = segmenter.split(["thecatthe", "THECatthe"])
    assert [word.lower() for word in capitals.words] == list(small.words)
    assert capitals.confidence == pytest.approx(small.confidence, abs=1e-6)
