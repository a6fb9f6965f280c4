"""Passes at once: in order, on threads of their own, and broken off between two layers."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pipeline.fingerprint import Output
from pipeline.vision import passes as module
from pipeline.vision.backbone import Backbone, Features, Parts, load_backbone
from pipeline.vision.decode import File, Pixels
from pipeline.vision.forward import Forward
from pipeline.vision.passes import compute, passes_of

pytestmark = pytest.mark.processor

CPU = torch.device("cpu")
BACKBONE: Backbone = load_backbone("vgg16")
OUTPUTS = {"pooled": Output((3,), "float32")}


@pytest.fixture(autouse=True)
def two_threads(threads: Callable[[int], None]) -> None:
    threads(2)


def network(trunk: nn.Module) -> Forward:
    features = Features(Parts(trunk, nn.Identity(), head_reads="pooled"), OUTPUTS)
    return Forward(BACKBONE, features, CPU, 16, pytest.fail)


def images(passes: int) -> list[tuple[list[File], Pixels]]:
    """For each pass one image of one grey."""
    return [
        ([File(Path(f"{grey}.png"), f"{grey:064x}")], np.full((1, 4, 4, 3), grey, np.uint8))
        for grey in range(passes)
    ]


class Counted(nn.Module):
    """Passes maps on, and notes the number of threads of each pass."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def forward(self, batch: Tensor) -> Tensor:
        self.seen.append(torch.get_num_threads())
        return batch


@pytest.mark.parametrize(("passes", "each"), [(1, 2), (2, 1), (3, 1)])
def test_rows_come_in_order_and_passes_share_the_threads(passes: int, each: int) -> None:
    counted = Counted()
    given = images(20)
    found = list(compute(network(nn.Sequential(counted)), given, passes=passes))
    assert [files for files, _ in found] == [files for files, _ in given]
    reds = np.concatenate([arrays["pooled"][:, 0] for _, arrays in found])
    np.testing.assert_allclose(reds, (np.arange(20) / 255 - 0.485) / 0.229, rtol=1e-4)
    assert counted.seen == [each] * 20
    assert torch.get_num_threads() == 2
    later: list[int] = []
    thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert later == [2]


class Held(nn.Module):
    """A layer that lasts until `go`."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go = threading.Event(), threading.Event()

    def forward(self, batch: Tensor) -> Tensor:
        self.begun.set()
        self.go.wait()
        return batch


def test_a_pass_under_way_ends_before_its_next_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle of a pass, whose layer lasts until the loop is closed."""
    held, after = Held(), Counted()
    before = threading.active_count()

    class Closed(threading.Event):
        def set(self) -> None:
            super().set()
            held.go.set()

    monkeypatch.setattr(module, "Event", Closed)

    def interrupted() -> Iterator[tuple[list[File], Pixels]]:
        yield from images(2)
        held.begun.wait()
        raise KeyboardInterrupt

    trunk = nn.Sequential(held, nn.ReLU(), after)
    with (
        pytest.raises(KeyboardInterrupt),
        closing(compute(network(trunk), interrupted(), passes=2)) as computed,
    ):
        list(computed)
    assert held.go.is_set()  # no thread was left to go on alone
    assert after.seen == []
    assert threading.active_count() == before


def test_a_batch_is_divided_where_the_parts_are_worth_it() -> None:
    cuda = torch.device("cuda")
    assert [passes_of(batch, CPU) for batch in (1, 15, 16, 64)] == [1, 1, 2, 2]
    assert passes_of(64, cuda) == 1
    torch.set_num_threads(64)
    assert passes_of(64, CPU) == 8
