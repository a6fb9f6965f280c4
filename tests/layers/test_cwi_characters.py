"""The character network of CWI: Table 4 layer by layer, and its layers against slow forms."""

import math
from typing import Literal

import pytest
import torch
from torch import Tensor, nn

from pipeline.layers.cwi_characters import CWICharacters, CWICharacterSizes
from pipeline.layers.regularizers import SineReLU, TargetedDropout

# Asgari-Chenaghlu et al. 2022, Table 4: number, layer, what it is connected to, details; and, last,
# what one word of 40 characters becomes, as (steps, channels).
TABLE_4 = """
     1  Input                 -     length: 40              40
     2  Embedding             1     width: 40               40 40
     3  1D conv.              2     KS: 2, kernels: 16      40 16
     4  1D MaxPooling         3     PS: 2                   20 16
     5  1D conv.              4     KS: 3, kernels: 32      20 32
     6  1D MaxPooling         5     PS: 2                   10 32
     7  1D conv.              6     KS: 4, kernels: 64      10 64
     8  1D MaxPooling         7     PS: 2                   5 64
     9  1D conv.              8     KS: 4, kernels: 64      5 64
    10  Concatenation         8,9   -                       10 64
    11  1D conv.              10    KS: 3, kernels: 32      10 32
    12  Concatenation         6,11  -                       20 32
    13  1D conv.              12    KS: 2, kernels: 16      20 16
    14  Concatenation         4,13  -                       40 16
    15  Targeted Dropout      14    DR: 0.25, TR: 0.4       40 16
    16  Sine Relu             15    epsilon: 0.0025         40 16
    17  Group Normalization   16    16 groups               40 16
"""
ROWS = [[cell for cell in line.split("  ") if cell] for line in TABLE_4.strip().splitlines()]


def row_of(number: int) -> list[str]:
    return [cell.strip() for cell in ROWS[number - 1]]


def kernels(layer: nn.Module) -> str:
    assert isinstance(layer, nn.Conv1d)
    return f"KS: {layer.kernel_size[0]}, kernels: {layer.out_channels}"


def words(*spelled: list[int]) -> Tensor:
    chars = torch.zeros(len(spelled), max(map(len, spelled)), dtype=torch.long)
    for row, word in enumerate(spelled):
        chars[row, : len(word)] = torch.tensor(word)
    return chars


def sizes(**changed: object) -> CWICharacterSizes:
    """Those of Table 4, but for what is changed."""
    printed: dict[str, object] = {
        "char_width": 40,
        "char_length": 40,
        "regularized": True,
        "drop_rate": 0.25,
        "target_rate": 0.4,
        "targets": "smallest",
        "prune": False,
        "epsilon": 0.0025,
    }
    return CWICharacterSizes.model_validate(printed | changed)


@pytest.fixture
def network() -> CWICharacters:
    return CWICharacters(30, sizes()).double().eval()


def test_each_layer_has_the_sizes_of_table_4(network: CWICharacters) -> None:
    given = network.layers(words([5, 6, 7], list(range(2, 29))))
    assert sorted(given) == [int(row[0]) for row in ROWS] == list(range(1, 18))
    for number, value in given.items():
        sizes = [int(size) for size in row_of(number)[-1].split()]
        assert list(value.shape) == [2, *reversed(sizes)], f"layer {number}"
    convolutions = dict(zip((3, 5, 7), network.narrowing, strict=True))
    convolutions |= dict(zip((9, 11, 13), network.widening, strict=True))
    assert {n: kernels(layer) for n, layer in convolutions.items()} == {
        n: row_of(n)[3] for n in range(1, 18) if row_of(n)[1] == "1D conv."
    }
    dropout, relu, norm = network.regularizers
    assert f"DR: {dropout.drop_rate}, TR: {dropout.target_rate}" == row_of(15)[3]
    assert f"epsilon: {relu.epsilon}" == row_of(16)[3]
    assert f"{norm.num_groups} groups" == row_of(17)[3]
    assert network.width == 40 * 16


def test_each_layer_is_computed_from_the_layers_that_table_4_connects(
    network: CWICharacters,
) -> None:
    given = network.layers(words([5, 6, 7, 8, 9], [3] * 50))
    convolutions = dict(
        zip((3, 5, 7, 9, 11, 13), [*network.narrowing, *network.widening], strict=True)
    )
    for number in range(3, 15):
        _, kind, connected, *_ = row_of(number)
        before = [given[int(other)] for other in connected.split(",")]
        slow = {
            "1D conv.": lambda x, n=number: literal_convolution(x, convolutions[n]),
            "1D MaxPooling": literal_pooling,
            "Concatenation": lambda x, y: torch.stack(
                [*x.unbind(2), *y.unbind(2)], 2
            ),  # one after the other
        }[kind](*before)
        torch.testing.assert_close(given[number], slow, msg=lambda m, n=number: f"layer {n}: {m}")
    torch.testing.assert_close(given[15], given[14])  # nothing is dropped without `prune`
    torch.testing.assert_close(given[17], literal_group_norm(given[16], groups=16))


def literal_convolution(x: Tensor, layer: nn.Module) -> Tensor:
    """Each step sees (size - 1) // 2 steps before it, and as many as are left behind it."""
    weight, bias = layer.weight, layer.bias  # (filters, channels, size)
    size, steps = weight.shape[2], x.shape[2]
    rows = []
    for at in range(steps):
        seen = bias.clone()[None].expand(len(x), -1)
        for k in range(size):
            place = at + k - (size - 1) // 2
            if 0 <= place < steps:
                seen = seen + x[:, :, place] @ weight[:, :, k].T
        rows.append(seen)
    return torch.stack(rows, 2)


def literal_pooling(x: Tensor) -> Tensor:
    pairs = [torch.maximum(x[:, :, 2 * n], x[:, :, 2 * n + 1]) for n in range(x.shape[2] // 2)]
    return torch.stack(pairs, 2)


def literal_group_norm(x: Tensor, groups: int, epsilon: float = 1e-5) -> Tensor:
    parts = []
    for part in x.chunk(groups, 1):
        mean = part.mean((1, 2), keepdim=True)
        variance = ((part - mean) ** 2).mean((1, 2), keepdim=True)
        parts.append((part - mean) / torch.sqrt(variance + epsilon))
    return torch.cat(parts, 1)


def test_a_word_is_the_same_beside_any_other(network: CWICharacters) -> None:
    short, long = [5, 6, 7], list(range(2, 29))
    together = network(words(short, long, [4] * 60))
    torch.testing.assert_close(together[:1], network(words(short)))
    torch.testing.assert_close(together[1:2], network(words(long)))
    torch.testing.assert_close(together[2:], network(words([4] * 40)))  # cut at 40


def test_without_layers_15_to_17(network: CWICharacters) -> None:
    plain = CWICharacters(30, sizes(regularized=False)).double()
    plain.load_state_dict(network.state_dict(), strict=False)
    chars = words([5, 6, 7])
    torch.testing.assert_close(plain(chars), network.layers(chars)[14].flatten(1))


@pytest.mark.parametrize("length", [8, 9, 20, 35])
def test_any_length_of_eight_or_more_can_be_built(length: int) -> None:
    network = CWICharacters(30, sizes(char_width=7, char_length=length))
    assert network(words([5] * 50)).shape == (1, network.width)


def test_sine_relu_is_equation_11() -> None:
    x = torch.tensor([-7.0, -1.5, -1e-3, 0.0, 1e-3, 2.0], dtype=torch.float64, requires_grad=True)
    found = SineReLU(0.0025)(x)
    (slope,) = torch.autograd.grad(found.sum(), x)
    for value, result, gradient in zip(x.tolist(), found.tolist(), slope.tolist(), strict=True):
        if value > 0:
            assert (result, gradient) == (value, 1.0)
        else:
            assert result == pytest.approx(0.0025 * (math.sin(value) - math.cos(value)))
            assert gradient == pytest.approx(0.0025 * (math.cos(value) + math.sin(value)))


@pytest.mark.parametrize("targets", ["smallest", "largest"])
def test_targeted_dropout_drops_out_of_the_targets_of_each_channel_alone(
    targets: Literal["smallest", "largest"],
) -> None:
    layer = TargetedDropout(0.25, 0.4, targets, prune=True).train()
    units = torch.randn(200, 5, 10, dtype=torch.float64)
    units.requires_grad_()
    found = layer(units)
    kept = found != 0
    pruned = layer.eval()(units) == 0
    magnitudes = units.detach().abs().flatten(0, 1)
    rows = zip(magnitudes.tolist(), kept.flatten(0, 1), pruned.flatten(0, 1), strict=True)
    for row, kept_here, pruned_here in rows:
        ranked = sorted(range(10), key=row.__getitem__, reverse=targets == "largest")
        assert kept_here[ranked[4:]].all()
        assert pruned_here.nonzero().flatten().tolist() == sorted(ranked[:4])
    assert 0.22 < (~kept).double().sum() / (200 * 5 * 4) < 0.28
    torch.testing.assert_close(found, units * kept)  # and what is kept is not scaled
    (gradient,) = torch.autograd.grad(found.sum(), units)
    torch.testing.assert_close(gradient, kept.double())
    assert torch.equal(TargetedDropout(0.25, 0.4, targets, prune=False).eval()(units), units)
