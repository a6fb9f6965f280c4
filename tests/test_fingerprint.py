import json
import pickle
from dataclasses import replace
from typing import Any

import pytest

from pipeline.fingerprint import Fingerprint, Output, digest

MADE = Fingerprint(
    backbone="vgg16",
    version=1,
    weights_sha256="ab" * 32,
    preprocessing="resize 256, crop 224",
    decoder="pillow",
    precision="float32",
    outputs={"grid": Output((49, 512), "float16"), "logits": Output((1000,), "float32")},
)


def test_the_digest_stays_what_it_was() -> None:
    """A change of this value recomputes every store in the world, so it must be meant."""
    assert MADE.digest == "de65bf4ea6fed55dc9abc5190bb6c4c2f527c3607044c76f2af71895933102f7"


@pytest.mark.parametrize(
    "change",
    [
        {"backbone": "resnet50"},
        {"version": 2},
        {"weights_sha256": "cd" * 32},
        {"preprocessing": "resize 232, crop 224"},
        {"decoder": "other"},
        {"precision": "bfloat16"},
        {"outputs": {"grid": Output((49, 512), "float16")}},
        {"outputs": {**MADE.outputs, "grid": Output((49, 512), "float32")}},
        {"outputs": {**MADE.outputs, "grid": Output((512, 49), "float16")}},
    ],
)
def test_everything_in_it_changes_the_digest(change: dict[str, Any]) -> None:
    assert replace(MADE, **change).digest != MADE.digest


def test_the_order_of_outputs_changes_nothing() -> None:
    assert replace(MADE, outputs=dict(reversed(MADE.outputs.items()))).digest == MADE.digest


def test_it_survives_json_and_pickle() -> None:
    again = Fingerprint.from_json(json.loads(json.dumps(MADE.to_json())))
    assert again == MADE
    assert again.digest == MADE.digest
    assert pickle.loads(pickle.dumps(MADE)).digest == MADE.digest


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((0,), "float32"), ((-1, 2), "float32"), ((2,), "<f4"), ((2,), "object"), ((2,), "str")],
)
def test_an_output_has_positive_lengths_and_a_plain_number(
    shape: tuple[int, ...], dtype: str
) -> None:
    with pytest.raises(ValueError, match="output's"):
        Output(shape, dtype)


@pytest.mark.parametrize("name", ["keys", "a/b", "", "."])
def test_an_output_is_named_by_a_word(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        replace(MADE, outputs={name: Output((1,), "float32")})


def test_no_output_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        replace(MADE, outputs={})


def test_bytes_of_a_row() -> None:
    assert Output((49, 512), "float16").row_bytes == 50176
    assert Output((), "int64").row_bytes == 8


def test_a_digest_is_that_of_the_tree_and_not_of_its_spelling() -> None:
    tree = {"version": 1, "settings": {"theta": 0.9, "names": ["a", "b"], "none": None}}
    turned = {"settings": {"none": None, "names": ["a", "b"], "theta": 0.9}, "version": 1}
    assert digest(tree) == digest(turned) == digest(json.loads(json.dumps(tree)))
    assert digest(tree) != digest(tree | {"version": 2})
    assert len(digest([])) == 64


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"bytes"])
def test_only_json_has_a_digest(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        digest({"value": value})
