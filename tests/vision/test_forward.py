"""One network on one device: memory that gives out, and what is said of it."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from pipeline.errors import PipelineError
from pipeline.vision.backbone import Features, load_backbone
from pipeline.vision.decode import Pixels
from pipeline.vision.forward import Forward
from pipeline.vision.weights import find_weights
from tests.vision.conftest import photo

pytestmark = pytest.mark.processor

BACKBONE = load_backbone("efficientnet_lite0")
NAMES = [f"{n}.png" for n in range(9)]


@pytest.fixture(scope="module")
def features() -> Features:
    state = find_weights("imagenet", BACKBONE.weights, BACKBONE.network).load()
    return BACKBONE.build(state, BACKBONE.select(["pooled"]), "float32")


@pytest.fixture(scope="module")
def pixels() -> Pixels:
    return np.stack([BACKBONE.preprocessing.pixels(photo(seed)) for seed in range(9)])


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[int]]:
    """`room(n)` leaves memory for n images, and gives the lengths of the passes tried."""

    def make(images: int) -> list[int]:
        tried: list[int] = []
        forward = Features.forward

        def cramped(self: Features, batch: Tensor) -> dict[str, Tensor]:
            tried.append(len(batch))
            if len(batch) > images:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")
            return forward(self, batch)

        monkeypatch.setattr(Features, "forward", cramped)
        return tried

    return make


def test_out_of_memory_halves_the_batch_says_so_and_gives_the_same_rows(
    features: Features, pixels: Pixels, room: Callable[[int], list[int]]
) -> None:
    said: list[str] = []
    forward = Forward(BACKBONE, features, torch.device("cpu"), 8, said.append)
    expected = forward.rows(NAMES, pixels)
    tried = room(3)
    found = forward.rows(NAMES, pixels)
    assert tried == [8, 4, 2, 2, 2, 2, 1]
    np.testing.assert_array_equal(found["pooled"], expected["pooled"])
    assert [line.split(" (")[0] for line in said] == [
        "cpu has no memory for 8 images at a time: going on with 4",
        "cpu has no memory for 4 images at a time: going on with 2",
    ]
    tried.clear()
    forward.rows(NAMES[:5], pixels[:5])
    assert tried == [2, 2, 1]  # a batch that failed once is not tried again


def test_memory_for_not_even_one_image_is_a_sentence(
    features: Features, pixels: Pixels, room: Callable[[int], list[int]]
) -> None:
    tried = room(0)
    forward = Forward(BACKBONE, features, torch.device("cpu"), 2, lambda _: None)
    with pytest.raises(PipelineError, match="does not suffice for a single image"):
        forward.rows(NAMES, pixels)
    assert tried == [2, 1]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_cuda_rows_are_near_those_of_the_cpu(features: Features, pixels: Pixels) -> None:
    on_cpu = Forward(BACKBONE, features, torch.device("cpu"), 4, pytest.fail).rows(NAMES, pixels)
    on_cuda = Forward(BACKBONE, features, torch.device("cuda"), 4, pytest.fail)
    found = on_cuda.rows(NAMES, pixels)
    features.to("cpu")
    np.testing.assert_allclose(found["pooled"], on_cpu["pooled"], rtol=1e-3, atol=1e-3)
