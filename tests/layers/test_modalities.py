"""The layers of Moon et al. 2018 and of CWI's attention against their equations, in loops."""

import math
from typing import Literal

import pytest
import torch
from torch import Tensor

from pipeline.layers.attention import ModalityAttention, TokenAttention, TripletAttention
from pipeline.layers.characters import CharacterBiLSTM
from pipeline.layers.image_words import ImageWordLSTM
from pipeline.layers.recurrent import BiLSTM, CoupledLSTM
from pipeline.layers.segmentation import Segmentation

POSTS, T, WIDTH = 3, 4, 5


def same_gradients(fast: Tensor, slow: Tensor, leaves: list[Tensor]) -> None:
    """Both gradients of a random functional; `slow` has the shape of `fast`."""
    torch.testing.assert_close(fast, slow)
    cotangent = torch.randn_like(fast)
    quick, literal = (
        torch.autograd.grad((value * cotangent).sum(), leaves) for value in (fast, slow)
    )
    for found, expected in zip(quick, literal, strict=True):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("score", ["sigmoid", "linear"])
def test_modality_attention_is_equation_4_with_all_and_5_with_fewer_modalities(
    score: Literal["sigmoid", "linear"],
) -> None:
    layer = ModalityAttention(3, WIDTH, score).double()
    x = torch.randn(POSTS, T, 3, WIDTH, dtype=torch.float64, requires_grad=True)
    there = torch.tensor([[True, True, True], [True, True, False], [False, True, False]])
    context, weights = layer(x, there)
    expected = []
    for post in range(POSTS):
        live = [m for m in range(3) if there[post, m]]
        columns = [m * WIDTH + n for m in live for n in range(WIDTH)]  # of W_m
        for t in range(T):
            joined = torch.cat([x[post, t, m] for m in live])
            a = [layer.score.weight[m, columns] @ joined + layer.score.bias[m] for m in live]
            if score == "sigmoid":
                a = [1 / (1 + torch.exp(-value)) for value in a]
            total = sum(torch.exp(value) for value in a)
            alpha = [torch.exp(value) / total for value in a]
            torch.testing.assert_close(weights[post, t, live], torch.stack(alpha))
            assert weights[post, t].sum().item() == pytest.approx(1)
            expected.append(sum(w * x[post, t, m] for w, m in zip(alpha, live, strict=True)))
    slow = torch.stack(expected).view(POSTS, T, WIDTH)
    same_gradients(context, slow, [x, *layer.parameters()])


def test_token_attention_is_equations_13_to_15() -> None:
    layer = TokenAttention(WIDTH).double()
    h = torch.randn(POSTS, T, WIDTH, dtype=torch.float64, requires_grad=True)
    mask = torch.arange(T) < torch.tensor([[4], [1], [3]])
    context, weights = layer(h, mask)
    expected = []
    for post in range(POSTS):
        live = int(mask[post].sum())
        for i in range(T):
            u = torch.tanh(layer.query.weight @ h[post, i] + layer.query.bias)
            total = sum(torch.exp(h[post, t] @ u) for t in range(live))
            alpha = torch.stack([torch.exp(h[post, t] @ u) / total for t in range(live)])
            torch.testing.assert_close(weights[post, i, :live], alpha)
            assert weights[post, i, live:].abs().sum() == 0
            expected.append(sum(alpha[t] * h[post, t] for t in range(live)))
    slow = torch.stack(expected).view(POSTS, T, WIDTH)
    same_gradients(context, slow, [h, *layer.parameters()])


def test_triplet_attention_is_equations_13_to_15_over_modalities() -> None:
    widths = [3, 6, 2]
    layer = TripletAttention(widths, WIDTH).double()
    given = [torch.randn(POSTS, T, w, dtype=torch.float64, requires_grad=True) for w in widths]
    there = torch.tensor([[True, True, True], [True, True, False], [False, True, False]])
    context, weights = layer(given, there)
    expected = []
    for post in range(POSTS):
        live = [t for t in range(3) if there[post, t]]
        for i in range(T):
            h = {t: layer.projections[t](given[t][post, i]) for t in live}
            u = {t: torch.tanh(layer.query.weight @ h[t] + layer.query.bias) for t in live}
            total = sum(torch.exp(h[t] @ u[t]) for t in live)
            alpha = torch.stack([torch.exp(h[t] @ u[t]) / total for t in live])
            torch.testing.assert_close(weights[post, i, live], alpha)
            expected.append(sum(alpha[n] * h[t] for n, t in enumerate(live)))
    slow = torch.stack(expected).view(POSTS, T, WIDTH)
    same_gradients(context, slow, [*given, *layer.parameters()])


def test_coupled_lstm_is_equation_1() -> None:
    layer = CoupledLSTM(6, 2).double()
    steps = torch.randn(POSTS, T, 6, dtype=torch.float64, requires_grad=True)
    w_xi, w_xc, w_xo = layer.from_input.weight.split(2)
    b_i, b_c, b_o = layer.from_input.bias.split(2)
    w_hi, w_hc, w_ho = layer.from_state.weight.split(2)
    w_ci, w_co = layer.cell_to_input.weight, layer.cell_to_output.weight

    def sigmoid(x: Tensor) -> Tensor:
        return 1 / (1 + torch.exp(-x))

    expected = []
    for post in range(POSTS):
        h, c = torch.zeros(2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
        for t in range(T):
            x = steps[post, t]
            i = sigmoid(w_xi @ x + w_hi @ h + w_ci @ c + b_i)
            c = (1 - i) * c + i * torch.tanh(w_xc @ x + w_hc @ h + b_c)
            o = sigmoid(w_xo @ x + w_ho @ h + w_co @ c + b_o)
            h = o * torch.tanh(c)
            expected.append(h)
    slow = torch.stack(expected).view(POSTS, T, 2)
    same_gradients(layer(steps)[0], slow, [steps, *layer.parameters()])


def test_a_bilstm_of_coupled_cells_reads_each_post_from_both_ends() -> None:
    layer = BiLSTM(6, 4, "coupled")
    steps = torch.randn(POSTS, T, 6)
    lengths = [4, 1, 3]
    found = layer(steps, torch.arange(T) < torch.tensor(lengths)[:, None])
    for post, length in enumerate(lengths):
        own = steps[post : post + 1, :length]
        ahead, back = layer.forwards(own)[0][0], layer.backwards(own.flip(1))[0][0].flip(0)
        torch.testing.assert_close(found[post, :length], torch.cat([ahead, back], 1))
        assert found[post, length:].abs().sum() == 0


def test_character_bilstm_ends_where_the_word_ends() -> None:
    layer = CharacterBiLSTM(9, 4, 6).double()
    words = [[5, 3, 8, 2], [7], [2, 2, 6]]
    chars = torch.zeros(3, 5, dtype=torch.long)
    for row, word in enumerate(words):
        chars[row, : len(word)] = torch.tensor(word)
    slow = []
    for word in words:
        steps = layer.lookup(torch.tensor([word]))
        _, (ahead, _) = layer.recurrent.forwards(steps)
        _, (back, _) = layer.recurrent.backwards(steps.flip(1))
        slow.append(torch.cat([ahead[0, 0], back[0, 0]]))
    same_gradients(layer(chars), torch.stack(slow), list(layer.parameters()))


def test_image_words_are_read_in_their_order() -> None:
    layer = ImageWordLSTM(classes=11, width=4, hidden=3).double()
    words = torch.tensor([[3, 10, 0], [0, 10, 3]])
    lstm = layer.lstm
    slow = []
    for row in words:
        h, c = torch.zeros(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
        for word in row:
            x = layer.lookup.weight[word]
            gates = (
                lstm.weight_ih_l0 @ x + lstm.bias_ih_l0 + lstm.weight_hh_l0 @ h + lstm.bias_hh_l0
            )
            i, f, g, o = gates.split(3)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        slow.append(h)
    assert not torch.allclose(slow[0], slow[1])
    same_gradients(layer(words), torch.stack(slow), list(layer.parameters()))


def test_segmentation_is_the_binary_cross_entropy_of_being_in_an_entity() -> None:
    layer = Segmentation(WIDTH, ("O", "B-PER", "I-PER")).double()
    features = torch.randn(2, 3, WIDTH, dtype=torch.float64)
    tags = torch.tensor([[0, 1, 2], [1, 0, 0]])
    mask = torch.tensor([[True, True, True], [True, False, False]])
    total = 0.0
    for post, t in [(0, 0), (0, 1), (0, 2), (1, 0)]:
        logit = (layer.logit.weight[0] @ features[post, t] + layer.logit.bias).item()
        p = 1 / (1 + math.exp(-logit))
        total -= math.log(p if tags[post, t] > 0 else 1 - p)
    assert layer.loss(features, tags, mask).item() == pytest.approx(total / 2)
