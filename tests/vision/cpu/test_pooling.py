"""Pooling by two in two passes: the bits of torch's own, and only where it is the same thing."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models import vgg16

from pipeline.vision.backbones import vgg16 as backbone
from pipeline.vision.cpu.pooling import HalvingMaxPool2d, halve_by_maximum

pytestmark = pytest.mark.processor


@pytest.mark.parametrize("shape", [(2, 3, 8, 8), (1, 5, 7, 6), (3, 1, 2, 9)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("form", [torch.contiguous_format, torch.channels_last])
def test_the_bits_are_those_of_torch(
    shape: tuple[int, ...], dtype: torch.dtype, form: torch.memory_format
) -> None:
    maps = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    maps = maps.to(dtype).contiguous(memory_format=form)
    assert torch.equal(HalvingMaxPool2d()(maps), F.max_pool2d(maps, 2))
    maps[0, 0, 1, 1] = torch.nan  # it must come out
    torch.testing.assert_close(
        HalvingMaxPool2d()(maps), F.max_pool2d(maps, 2), rtol=0, atol=0, equal_nan=True
    )


def test_other_pools_stay() -> None:
    others = [
        nn.MaxPool2d(3),
        nn.MaxPool2d(2, 1),
        nn.MaxPool2d(3, 2, 1),
        nn.MaxPool2d(2, padding=1),
    ]
    others += [nn.MaxPool2d(2, ceil_mode=True), nn.MaxPool2d(2, dilation=2), nn.AvgPool2d(2)]
    network = nn.Sequential(nn.Sequential(*others), nn.MaxPool2d(2))
    halve_by_maximum(network)
    assert list(network[0]) == others
    assert isinstance(network[1], HalvingMaxPool2d)


def test_vgg16_pools_so() -> None:
    with torch.device("meta"):
        trunk = backbone.parts(vgg16()).trunk
    assert sum(isinstance(layer, HalvingMaxPool2d) for layer in trunk) == 5
    assert not any(isinstance(layer, nn.MaxPool2d) for layer in trunk)
