"""The gates against the equations of Zhang et al. 2018, one vector at a time."""

import pytest
import torch
from torch import Tensor

from pipeline.layers.gates import ConcatenatedFusion, FiltrationGate, GatedFusion

POSTS, STEPS, WIDTH = 2, 3, 4


def sigmoid(x: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-x))


def pair() -> tuple[Tensor, Tensor]:
    shape = (POSTS, STEPS, WIDTH)
    image = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    return image, torch.randn(shape, dtype=torch.float64, requires_grad=True)


def same_gradients(found: Tensor, expected: Tensor, leaves: list[Tensor]) -> None:
    cotangent = torch.randn_like(found)
    for one, other in zip(
        torch.autograd.grad((found * cotangent).sum(), leaves),
        torch.autograd.grad((expected * cotangent).sum(), leaves),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("per_feature", [False, True])
def test_gated_fusion(per_feature: bool) -> None:
    image, text = pair()
    fusion = GatedFusion(WIDTH, per_feature).double()
    fused, gate = fusion(image, text)
    rows = []
    for b in range(POSTS):
        for t in range(STEPS):
            h_v = torch.tanh(fusion.image.weight @ image[b, t] + fusion.image.bias)
            h_x = torch.tanh(fusion.text.weight @ text[b, t] + fusion.text.bias)
            g = sigmoid(fusion.gate.weight @ torch.cat([h_v, h_x]))
            torch.testing.assert_close(gate[b, t], g)
            rows.append(g * h_v + (1 - g) * h_x)
    expected = torch.stack(rows).view_as(fused)
    torch.testing.assert_close(fused, expected)
    same_gradients(fused, expected, [image, text, *fusion.parameters()])


def test_concatenated_fusion_has_no_gate() -> None:
    image, text = pair()
    fusion = ConcatenatedFusion(WIDTH).double()
    fused, gate = fusion(image, text)
    assert gate is None
    assert fused.shape == (POSTS, STEPS, fusion.width)
    for b in range(POSTS):
        h_v = torch.tanh(image[b] @ fusion.image.weight.T + fusion.image.bias)
        torch.testing.assert_close(fused[b, :, :WIDTH], h_v)


def test_filtration_gate() -> None:
    words, fused = pair()
    gate = FiltrationGate(WIDTH, WIDTH, 5).double()
    kept, opened = gate(words, fused)
    rows = []
    for b in range(POSTS):
        for t in range(STEPS):
            s = sigmoid(
                gate.from_word.weight[0] @ words[b, t]
                + gate.from_fused.weight[0] @ fused[b, t]
                + gate.from_fused.bias[0]
            )
            torch.testing.assert_close(opened[b, t, 0], s)
            assert 0 <= s <= 1
            rows.append(s * torch.tanh(gate.kept.weight @ fused[b, t] + gate.kept.bias))
    expected = torch.stack(rows).view_as(kept)
    torch.testing.assert_close(kept, expected)
    same_gradients(kept, expected, [words, fused, *gate.parameters()])
