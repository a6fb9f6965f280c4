"""The products that rows are made of: right, and the same bits in any company."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pipeline.vision.cpu.steady import Steady

pytestmark = pytest.mark.processor

LAYERS = {
    "7 x 7, stride 2": (nn.Conv2d(3, 24, 7, stride=2, padding=3), (3, 31, 29)),
    "3 x 3": (nn.Conv2d(40, 24, 3, padding=1, bias=False), (40, 14, 14)),
    "3 x 1, padding 1 x 0": (nn.Conv2d(40, 24, (3, 1), padding=(1, 0)), (40, 9, 9)),
    "3 x 3 dilated": (nn.Conv2d(8, 8, 3, dilation=2), (8, 14, 14)),
    "1 x 1, small maps": (nn.Conv2d(320, 128, 1), (320, 7, 7)),
    "depthwise": (nn.Conv2d(48, 48, 5, padding=2, groups=48), (48, 14, 14)),
    "linear": (nn.Linear(1280, 1000), (1280,)),
    "linear without bias": (nn.Linear(77, 5, bias=False), (77,)),
}


@pytest.fixture(params=LAYERS)
def layer(request: pytest.FixtureRequest) -> tuple[nn.Module, Tensor]:
    module, shape = LAYERS[request.param]
    batch = torch.randn(18, *shape, generator=torch.Generator().manual_seed(0))
    if batch.dim() == 4:
        batch = batch.to(memory_format=torch.channels_last)
    return module, batch


@torch.inference_mode()
def test_products_are_those_of_torch(layer: tuple[nn.Module, Tensor]) -> None:
    module, batch = layer
    with Steady():
        found = module(batch)
    expected = module.double()(batch.double())
    module.float()
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@torch.inference_mode()
def test_rows_are_the_same_bits_in_any_batch_on_any_threads(
    layer: tuple[nn.Module, Tensor], dtype: torch.dtype, threads: Callable[[int], None]
) -> None:
    module, batch = layer
    results = []
    for count in (1, 2, 3):
        threads(count)
        for length in (1, 2, 5, 16, 18):
            with Steady(), torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
                results.append(torch.cat([module(part) for part in batch.split(length)]))
    assert results[0].dtype == dtype
    assert all(torch.equal(result, results[0]) for result in results)


def test_outside_the_context_and_for_other_functions_nothing_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> Tensor:
        raise AssertionError("oneDNN was called")

    monkeypatch.setattr(torch, "mkldnn_convolution", refuse)
    calls: list[Callable[[], Tensor]] = [
        lambda: F.conv2d(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 1, 1)),
        lambda: F.linear(torch.ones(1, 2), torch.ones(1, 2)),
    ]
    for call in calls:
        assert call().numel() in (1, 4)
        with Steady(), pytest.raises(AssertionError, match="oneDNN was called"):
            call()
    with Steady():
        assert F.relu(torch.tensor([-1.0, 2.0])).tolist() == [0, 2]
        double = F.linear(torch.ones(1, 2).double(), torch.ones(1, 2).double())
    assert double.item() == 2  # torch computes what oneDNN cannot
