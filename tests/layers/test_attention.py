"""The fast forms against the equations of Zhang et al. 2018, written out with loops."""

import pytest
import torch
from torch import Tensor

from pipeline.layers.attention import ConcatenatedAttention, InteractiveAttention

POSTS, KEYS, QUERIES, WIDTH, HIDDEN = 3, 6, 4, 5, 7


@pytest.fixture
def keys() -> Tensor:
    return torch.randn(POSTS, KEYS, WIDTH, dtype=torch.float64, requires_grad=True)


@pytest.fixture
def queries() -> Tensor:
    return torch.randn(POSTS, QUERIES, WIDTH, dtype=torch.float64, requires_grad=True)


@pytest.fixture
def mask() -> Tensor:
    return torch.arange(KEYS) < torch.tensor([[6], [1], [4]])


def literal_concatenated(
    keys: Tensor, queries: Tensor, mask: Tensor, key: Tensor, query: Tensor, w: Tensor, b: Tensor
) -> tuple[Tensor, Tensor]:
    """z_t = tanh(W_vI v ⊕ (W_ht h_t + b_ht)), α_t = softmax(W_αt z_t + b_αt), as printed.

    w = W_αt (2 k), b = [b_ht; b_αt] (k + 1).
    """
    contexts, weights = [], []
    for post in range(keys.shape[0]):
        live = int(mask[post].sum())
        for t in range(queries.shape[1]):
            scores = []
            for i in range(live):
                image = key @ keys[post, i]
                text = query @ queries[post, t] + b[:-1]
                z = torch.tanh(torch.cat([image, text]))  # (2 k,)
                scores.append(w @ z + b[-1])
            alpha = torch.softmax(torch.stack(scores), 0)
            contexts.append(sum(alpha[i] * keys[post, i] for i in range(live)))
            weights.append(torch.cat([alpha, alpha.new_zeros(keys.shape[1] - live)]))
    shape = (keys.shape[0], queries.shape[1], -1)
    return torch.stack(contexts).view(shape), torch.stack(weights).view(shape)


def test_concatenated_attention_equals_the_printed_one_for_any_word_parameters(
    keys: Tensor, queries: Tensor, mask: Tensor
) -> None:
    fast = ConcatenatedAttention(WIDTH, WIDTH, HIDDEN).double()
    word = torch.randn(HIDDEN, WIDTH, dtype=torch.float64, requires_grad=True)
    word_score = torch.randn(HIDDEN, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(HIDDEN + 1, dtype=torch.float64, requires_grad=True)
    w = torch.cat([fast.score.weight[0], word_score])
    slow_context, slow_weights = literal_concatenated(
        keys, queries, mask, fast.key.weight, word, w, bias
    )
    context, weights = fast(keys, queries, mask)
    assert context.shape == (POSTS, 1, WIDTH)
    torch.testing.assert_close(context.expand(-1, QUERIES, -1), slow_context)
    torch.testing.assert_close(weights.expand(-1, QUERIES, -1), slow_weights)

    cotangent = torch.randn_like(slow_context)
    kept = [keys, fast.key.weight, fast.score.weight]
    slow = torch.autograd.grad((slow_context * cotangent).sum(), [*kept, word, word_score, bias])
    quick = torch.autograd.grad((context * cotangent).sum(), kept)
    for found, expected in zip(quick, slow, strict=False):
        torch.testing.assert_close(found, expected)
    for gone in slow[len(kept) :]:  # the parameters that are left out never had a gradient
        torch.testing.assert_close(gone, torch.zeros_like(gone), atol=1e-12, rtol=0)


def test_interactive_attention_equals_its_loop(keys: Tensor, queries: Tensor, mask: Tensor) -> None:
    fast = InteractiveAttention(WIDTH, WIDTH, HIDDEN).double()
    context, weights = fast(keys, queries, mask)
    cotangent = torch.randn_like(context)
    total = torch.zeros((), dtype=torch.float64)
    for post in range(POSTS):
        live = int(mask[post].sum())
        for t in range(QUERIES):
            query = fast.query.weight @ queries[post, t] + fast.query.bias
            scores = torch.stack(
                [
                    fast.score.weight[0] @ torch.tanh(fast.key.weight @ keys[post, i] + query)
                    for i in range(live)
                ]
            )
            alpha = torch.softmax(scores, 0)
            expected = sum(alpha[i] * keys[post, i] for i in range(live))
            torch.testing.assert_close(context[post, t], expected)
            torch.testing.assert_close(weights[post, t, :live], alpha)
            assert weights[post, t, live:].abs().sum() == 0
            total = total + (expected * cotangent[post, t]).sum()
    leaves = [keys, queries, *fast.parameters()]
    for found, wanted in zip(
        torch.autograd.grad((context * cotangent).sum(), leaves),
        torch.autograd.grad(total, leaves),
        strict=True,
    ):
        torch.testing.assert_close(found, wanted)


def test_interactive_attention_differs_between_words(keys: Tensor, queries: Tensor) -> None:
    _, weights = InteractiveAttention(WIDTH, WIDTH, HIDDEN).double()(keys, queries, None)
    assert (weights[:, 0] - weights[:, 1]).abs().max() > 1e-3
