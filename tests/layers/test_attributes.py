"""Equations 2, 13 and 14 of Chen et al. 2021, in loops: characters, gates, attributes."""

import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from pipeline.layers.attributes import AttributeAttention, AttributeAverage
from pipeline.layers.characters import CharacterCNN2D
from pipeline.layers.gates import FeatureGate

WIDTH = 4


def test_the_gate() -> None:
    gate = FeatureGate(WIDTH).double()
    context, given = torch.randn(2, 3, WIDTH).double(), torch.randn(2, 3, WIDTH).double()
    fused, opened = gate(context, given)
    for b in range(2):
        for t in range(3):
            score = (
                gate.from_given.weight @ given[b, t]
                + gate.from_context.weight @ context[b, t]
                + gate.from_given.bias
            )
            g = 1 / (1 + (-score).exp())  # equation 13
            torch.testing.assert_close(opened[b, t], g)
            expected = g * context[b, t] + (1 - g) * given[b, t]  # equation 14
            torch.testing.assert_close(fused[b, t], expected)


def drawn() -> tuple[Tensor, Tensor]:
    """Words of three posts (3, 3, d), of which they have two, one and none, and their weights."""
    weights = torch.tensor([[0.5, 0.25, 0.0], [0.125, 0.0, 0.0], [0.0, 0.0, 0.0]]).double()
    return torch.randn(3, 3, WIDTH, dtype=torch.float64, requires_grad=True), weights


def test_attributes_are_weighed_by_the_network() -> None:
    layer = AttributeAttention(WIDTH).double()
    words, weights = drawn()
    found = layer(words, weights)
    first, _, second = layer.layers
    rows = []
    for b, count in enumerate((2, 1)):
        s = [
            (second.weight @ torch.tanh(first.weight @ words[b, i] + first.bias)).exp()
            for i in range(count)
        ]
        rows.append(sum(s[i] * words[b, i] for i in range(count)) / sum(s))
    expected = torch.stack([*rows, torch.zeros(WIDTH, dtype=torch.float64)])
    same_gradients(found, expected, [words, *layer.parameters()])


def test_attributes_are_averaged_by_probability() -> None:
    layer = AttributeAverage(WIDTH).double()
    words, weights = drawn()
    found = layer(words, weights)
    first, _, second = layer.layers
    rows = []
    for b, count in enumerate((2, 1)):
        through = [
            second.weight @ torch.tanh(first.weight @ words[b, i] + first.bias) + second.bias
            for i in range(count)
        ]
        total = sum(weights[b, i] for i in range(count))
        rows.append(sum(weights[b, i] * through[i] for i in range(count)) / total)
    expected = torch.stack([*rows, torch.zeros(WIDTH, dtype=torch.float64)])
    same_gradients(found, expected, [words, *layer.parameters()])


def same_gradients(found: Tensor, expected: Tensor, leaves: Sequence[Tensor]) -> None:
    """Both have the same values and the same gradients to `leaves`."""
    torch.testing.assert_close(found, expected)
    for one, other in zip(
        torch.autograd.grad(found.square().sum(), leaves),
        torch.autograd.grad(expected.square().sum(), leaves),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def test_the_2d_convolution_runs_along_each_row_of_a_word() -> None:
    layer = CharacterCNN2D(9, 4, 3).double()
    spellings = [[5, 2, 8, 3, 4], [6, 7, 2], [3, 4], [8]]
    chars = torch.zeros(4, 5, dtype=torch.long)
    for row, spelling in enumerate(spellings):
        chars[row, : len(spelling)] = torch.tensor(spelling)
    found = layer(chars)
    kernel, bias = layer.convolution.weight[0, 0, 0], layer.convolution.bias[0]  # type: ignore[index]
    for row, spelling in enumerate(spellings):
        padded = spelling + [0] * (3 - len(spelling))
        for feature in range(4):
            best = -math.inf
            for start in range(len(padded) - 2):
                window = [layer.lookup.weight[padded[start + k], feature] for k in range(3)]
                best = max(best, (sum(kernel[k] * window[k] for k in range(3)) + bias).item())
            assert found[row, feature].item() == pytest.approx(best)
    torch.testing.assert_close(layer(chars[2:, :2]), found[2:])  # padding takes no part
