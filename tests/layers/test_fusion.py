"""Fusion of modalities that may be missing, and TriMod's other layers, each against a loop."""

import pytest
import torch
from torch import Tensor, nn

from pipeline.layers.characters import CharacterBiGRU
from pipeline.layers.fusion import AdditiveFusion, ScaledDotFusion
from pipeline.layers.recurrent import BiGRU, BiLSTM
from pipeline.layers.regularizers import TokenBatchNorm, l1_norm

THERE = torch.tensor([[True, True, True], [True, False, True], [True, False, False]])
LENGTHS = [5, 1, 3]
MASK = torch.arange(5) < torch.tensor(LENGTHS)[:, None]


def same_gradients(fast: Tensor, slow: Tensor, leaves: list[Tensor]) -> None:
    torch.testing.assert_close(fast, slow)
    draw = torch.randn_like(fast)
    for found, expected in zip(
        torch.autograd.grad((fast * draw).sum(), leaves),
        torch.autograd.grad((slow * draw).sum(), leaves),
        strict=True,
    ):
        torch.testing.assert_close(found, expected)


def additive(layer: AdditiveFusion, features: Tensor) -> list[Tensor]:
    """γ_i of equation 11."""
    inner = [layer.inner.weight @ f + layer.inner.bias for f in features]
    return [(layer.score.weight[0] @ f.tanh()).exp() for f in inner]


def scaled_dot(layer: ScaledDotFusion, features: Tensor) -> list[Tensor]:
    asked = layer.query.weight @ features[0] + layer.query.bias
    return [((layer.key.weight @ f) @ asked / len(asked) ** 0.5).exp() for f in features]


@pytest.mark.parametrize(
    ("kind", "literal"), [(AdditiveFusion, additive), (ScaledDotFusion, scaled_dot)]
)
def test_fusion_is_the_weighted_mean_of_what_is_there(kind: type, literal: object) -> None:
    layer = kind(4, 6).double()
    features = torch.randn(3, 2, 3, 4, dtype=torch.double, requires_grad=True)
    fused, weights = layer(features, THERE)
    rows = []
    for post in range(3):
        for token in range(2):
            # Of a modality that is not there, nothing is ever computed.
            kept = features[post, token, THERE[post]]
            gammas = torch.stack(literal(layer, kept))  # type: ignore[operator]
            rows.append((gammas[:, None] * kept).sum(0) / gammas.sum())
            torch.testing.assert_close(weights[post, token, THERE[post]], gammas / gammas.sum())
    assert not weights[(~THERE)[:, None].expand_as(weights)].any()
    same_gradients(fused, torch.stack(rows).view_as(fused), [features, *layer.parameters()])


def test_a_missing_modality_may_hold_anything() -> None:
    layer, features = AdditiveFusion(4, 6), torch.randn(3, 2, 3, 4)
    other = features.clone()
    other[(~THERE)[:, None].expand(3, 2, 3)] = 1e6
    torch.testing.assert_close(layer(features, THERE)[0], layer(other, THERE)[0])


def gru_loop(cell: nn.GRU, steps: Tensor) -> list[Tensor]:
    """The states of a GRU over one sequence, gate by gate."""
    state, states = torch.zeros(cell.hidden_size, dtype=steps.dtype), []
    for step in steps:
        r, z, n = (cell.weight_ih_l0 @ step + cell.bias_ih_l0).chunk(3)
        hr, hz, hn = (cell.weight_hh_l0 @ state + cell.bias_hh_l0).chunk(3)
        update = (z + hz).sigmoid()
        new = (n + (r + hr).sigmoid() * hn).tanh()
        state = (1 - update) * new + update * state
        states.append(state)
    return states


def bigru_loop(layer: BiGRU, steps: Tensor) -> tuple[Tensor, Tensor]:
    """All states of padded sequences, and the last ones of both directions."""
    states, ends = torch.zeros(3, 5, 6, dtype=torch.double), []
    assert isinstance(layer.forwards, nn.GRU)
    assert isinstance(layer.backwards, nn.GRU)
    for row, length in enumerate(LENGTHS):
        ahead = gru_loop(layer.forwards, steps[row, :length])
        back = gru_loop(layer.backwards, steps[row, :length].flip(0))[::-1]
        states[row, :length] = torch.cat([torch.stack(ahead), torch.stack(back)], 1)
        ends.append(torch.cat([ahead[-1], back[0]]))
    return states, torch.stack(ends)


def test_a_bigru_reads_each_sequence_from_both_ends() -> None:
    layer = BiGRU(4, 6).double()
    steps = torch.randn(3, 5, 4, dtype=torch.double, requires_grad=True)
    leaves = [steps, *layer.parameters()]
    same_gradients(layer(steps, MASK), bigru_loop(layer, steps)[0], leaves)
    same_gradients(layer.ends(steps, MASK), bigru_loop(layer, steps)[1], leaves)


@pytest.mark.parametrize("kind", [BiGRU, BiLSTM])
def test_an_empty_sequence_ends_in_zeros(kind: type) -> None:
    mask = torch.tensor([[False, False], [True, False]])
    ends = kind(4, 6).ends(torch.randn(2, 2, 4), mask)
    assert not ends[0].any()
    assert ends[1].any()


def test_a_word_is_spelled_from_both_ends() -> None:
    layer = CharacterBiGRU(9, 4, 6)
    chars = torch.tensor([[5, 3, 0, 0], [2, 0, 0, 0], [8, 7, 6, 4]])
    together = layer(chars)
    for row, length in enumerate((2, 1, 4)):
        word = layer.lookup(chars[row, :length])
        ahead = gru_loop(layer.recurrent.forwards, word)[-1]  # type: ignore[arg-type]
        back = gru_loop(layer.recurrent.backwards, word.flip(0))[-1]  # type: ignore[arg-type]
        torch.testing.assert_close(together[row], torch.cat([ahead, back]))


def test_batch_norm_is_over_the_tokens_that_are_there() -> None:
    layer, features = TokenBatchNorm(4), torch.randn(3, 5, 4) * 3 + 1
    normed = layer(features, MASK)
    tokens = features[MASK]
    expected = (tokens - tokens.mean(0)) / (tokens.var(0, unbiased=False) + 1e-5).sqrt()
    torch.testing.assert_close(normed[MASK], expected)
    assert not normed[~MASK].any()
    layer.eval()
    torch.testing.assert_close(
        layer(features[1:2, :1], MASK[1:2, :1]), layer(features, MASK)[1:2, :1]
    )


def test_l1_is_the_sum_over_weights_without_biases() -> None:
    layer = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    weights = [w for part in (layer[0], layer[1]) for row in part.weight for w in row.tolist()]
    assert l1_norm(layer).item() == pytest.approx(sum(map(abs, weights)), rel=1e-5)
