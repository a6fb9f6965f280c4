"""Convolutions as matrix products, against torch's over zero-padded steps."""

import pytest
import torch
from torch import Tensor, nn

from pipeline.layers.convolution import same_convolution, same_convolution_of


def plain(layer: nn.Conv1d, steps: Tensor) -> Tensor:
    missing = layer.kernel_size[0] - 1
    padded = nn.functional.pad(steps.transpose(1, 2), (missing // 2, missing - missing // 2))
    return layer(padded).transpose(1, 2)


def same(found: Tensor, expected: Tensor, leaves: list[Tensor]) -> None:
    torch.testing.assert_close(found, expected)
    share = torch.randn_like(found)
    torch.testing.assert_close(
        torch.autograd.grad((found * share).sum(), leaves),
        torch.autograd.grad((expected * share).sum(), leaves),
    )


@pytest.mark.parametrize("window", [1, 2, 3, 4])
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_a_convolution_and_its_gradients_are_torchs(window: int, steps: int) -> None:
    layer = nn.Conv1d(5, 6, window).double()
    given = torch.randn(3, steps, 5, dtype=torch.float64, requires_grad=True)
    same(same_convolution(layer, given), plain(layer, given), [given, *layer.parameters()])


@pytest.mark.parametrize("window", [1, 2, 3, 4])
def test_over_rows_of_a_table_it_is_the_same(window: int) -> None:
    layer = nn.Conv1d(5, 6, window).double()
    lookup = nn.Embedding(9, 5, padding_idx=0).double()
    ids = torch.tensor([[3, 3, 8, 0], [1, 2, 3, 4]])
    found = same_convolution_of(layer, lookup(torch.arange(9)), ids)
    same(found, plain(layer, lookup(ids)), [lookup.weight, *layer.parameters()])
