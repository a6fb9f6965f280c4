"""Wrong values of params.yaml, each named by its key."""

from typing import Any

import pytest

from pipeline.params.block import Block
from pipeline.params.dataset import Dataset
from pipeline.params.extract import Extract
from pipeline.params.index_images import IndexImages
from pipeline.params.leaderboard import Leaderboard
from pipeline.params.prepare import Prepare
from pipeline.params.runtime import Runtime
from pipeline.params.tags import Tags
from pipeline.params.train import Train
from pipeline.params.vectors import Vectors
from pipeline.params.vocab import Vocab
from pipeline.systems.bilstm_crf import BiLSTMCRF
from tests.params.blocks import changed, refusal, tree

PERHAPS = {"lowercase": True, "urls": "perhaps", "users": True, "digits": False}


@pytest.mark.parametrize(
    ("block", "value", "key"),
    [
        (Tags, {"top_k": 0}, "top_k"),
        (Tags, {"top_k": 1001}, "top_k"),
        (Tags, {"top_k": 2.5}, "top_k"),
        (Tags, {"top_k": "many"}, "top_k"),
        (Tags, {"top_k": None}, "top_k"),
        (Tags, {"top_k": [5]}, "top_k"),
        (Train, {"seeds": [], "max_epochs": None, "batch_posts": None}, "seeds"),
        (Train, {"seeds": 1, "max_epochs": None, "batch_posts": None}, "seeds"),
        (Train, {"seeds": [1, 2, 1], "max_epochs": None, "batch_posts": None}, "seeds"),
        (Train, {"seeds": [1, "two"], "max_epochs": None, "batch_posts": None}, "seeds.1"),
        (Train, {"seeds": [-1], "max_epochs": None, "batch_posts": None}, "seeds.0"),
        (Train, {"seeds": [10**20], "max_epochs": None, "batch_posts": None}, "seeds.0"),
        (Train, {"max_epochs": None, "batch_posts": None}, "seeds"),
        (Train, {"seeds": [1], "batch_posts": None}, "max_epochs"),
        (Train, {"seeds": [1], "max_epochs": 0, "batch_posts": None}, "max_epochs"),
        (Train, {"seeds": [1], "max_epochs": None, "batch_posts": 0}, "batch_posts"),
        (IndexImages, changed("index_images", on_bad_image="drop"), "on_bad_image"),
        (IndexImages, changed("index_images", max_pixels=-1), "max_pixels"),
        (Extract, changed("extract.tags", resize="squash"), "resize"),
        (Leaderboard, {"order_by": "train"}, "order_by"),
        (Prepare, changed("prepare", entity_types=[]), "entity_types"),
        (Prepare, changed("prepare", rename={"MISC": None}), "rename.MISC"),
        (Runtime, changed("runtime", batch=0), "batch"),
        (Runtime, changed("runtime", processes=0), "processes"),
        (Runtime, changed("runtime", progress="loud"), "progress"),
        (Vocab, changed("vocab", splits=["valid"]), "splits.0"),
        (Vocab, changed("vocab", normalize="none"), "normalize"),
        (Vocab, {"splits": ["train"], "min_count": 1, "normalize": PERHAPS}, "normalize.urls"),
        *[(Dataset, changed("dataset", images=f"a{sign}b"), "images") for sign in '"$`\\\n'],
        (Dataset, {"name": "a", "train": "b", "dev": "c", "test": "d", "captions": "e"}, "images"),
        (
            Dataset,
            {"name": 1, "train": "b", "dev": "c", "test": "d", "images": "e", "captions": "f"},
            "name",
        ),
    ],
)
def test_wrong_values_name_their_key(block: type[Block], value: object, key: str) -> None:
    (line,) = refusal(value, block)
    assert line.startswith(f"params.yaml: x: {key}: ")


@pytest.mark.parametrize("value", [None, [], "train", 3])
def test_a_section_that_is_no_mapping(value: object) -> None:
    (line,) = refusal(value, Train)
    assert line.startswith("params.yaml: x: the section: ")


@pytest.mark.parametrize(
    "source",
    [
        {"kind": "package", "path": "a", "width": 50, "package": None},
        {"kind": "text", "path": "a", "width": 50, "package": "p"},
        {"kind": "text", "path": "a", "width": 0, "package": None},
        {"kind": "glove", "path": "a", "width": 50, "package": None},
    ],
)
def test_a_source_of_vectors_fits_together(source: dict[str, Any]) -> None:
    (line,) = refusal(changed("vectors", sources={"mine": source}), Vectors)
    assert line.startswith("params.yaml: x: sources.mine")


@pytest.mark.parametrize("rate", [0, -0.1, float("nan"), "fast", None])
def test_a_learning_rate_is_a_positive_number(rate: object) -> None:
    value = tree("systems.bilstm_crf")
    value["training"]["learning_rate"] = rate
    (line,) = refusal(value, BiLSTMCRF.Params)
    assert line.startswith("params.yaml: x: training.learning_rate: ")
