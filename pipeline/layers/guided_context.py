"""Guided attention whose regions are scored by products, with gradients written out.

It computes what `GuidedVisual` and the softmax over words compute one after the other, in an order
that costs less: what a gate reads is linear in what came before it, so that its matrices are
multiplied with those before them, once, and not with the vectors of every pair of words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

Activation = Literal["elu", "relu", "sigmoid", "tanh"]
ACTIVATION: dict[Activation, Callable[[Tensor], Tensor]] = {
    "elu": torch.nn.functional.elu,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
}
# In place: σ(x) of x, and σ'(x) of σ(x).
IN_PLACE: dict[Activation, Callable[[Tensor], Tensor]] = {
    "elu": lambda x: torch.nn.functional.elu(x, inplace=True),
    "relu": torch.relu_,
    "sigmoid": torch.sigmoid_,
    "tanh": torch.tanh_,
}
SLOPE: dict[Activation, Callable[[Tensor], Tensor]] = {
    "elu": lambda y: y.clamp_(max=0).add_(1),
    "relu": torch.Tensor.sign_,
    "sigmoid": lambda y: y.addcmul_(y, y, value=-1),
    "tanh": lambda y: torch.addcmul(y.new_ones(()), y, y, value=-1, out=y),
}


class Shared(NamedTuple):
    """What all words of a post share; W and b as in `GuidedAttention`, each as torch has it."""

    words: Tensor  # w (n, d)
    regions: Tensor  # r of a_v = r σ(w W_x + x W_q) (N, h)
    values: Tensor  # V I_j + v (N, d)
    gated: Tensor  # W_2 of the values, + b (N, d): the weights of the regions sum to one
    score: Tensor  # W_t (d, h)
    gate: Tensor  # W_1 W_t (d, h)


class GuidedContext(torch.autograd.Function):
    """C of the words of one post that has an image.

    For each pair of words h, N and three times d numbers are kept.
    """

    @staticmethod
    def forward(
        ctx: Any, activation: Activation, asked: Tensor, keys: Tensor, *given: Tensor
    ) -> Tensor:
        """From x W_q (t, h), w W_x (n, h) and all of `Shared` to C (t, d)."""
        shared = Shared(*given)
        hidden = IN_PLACE[activation]((keys + asked[:, None]).flatten(0, 1))  # (t n, h)
        shares = (hidden @ shared.regions.T).softmax(1)  # (t n, N)
        found = hidden @ shared.score.T  # a_s (t n, d)
        gate = (hidden @ shared.gate.T).addmm_(shares, shared.gated).sigmoid_()  # G (t n, d)
        ahead = torch.addmm(found, shares, shared.values, beta=-1)  # C_v - a_s (t n, d)
        fused = found.addcmul_(gate, ahead).view(len(asked), *shared.words.shape)  # F_r (t, n, d)
        weights = fused.softmax(1)
        context = (weights * shared.words).sum(1)
        ctx.activation = activation
        ctx.save_for_backward(*given, hidden, shares, gate, ahead, weights, context)
        return context

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor | None, ...]:
        """The gradient of C (t, d) to those of all that `forward` takes."""
        held = len(Shared._fields)
        shared = Shared(*ctx.saved_tensors[:held])
        hidden, shares, gate, ahead, weights, context = ctx.saved_tensors[held:]
        # Of the softmax over words, whose sum of weights x gradients is C's own.
        of_words = weights * cotangent[:, None]  # (t, n, d)
        of_fused = (shared.words - context[:, None]).mul_(of_words).flatten(0, 1)  # (t n, d)
        of_seen = of_fused * gate  # of C_v
        of_gate = torch.ops.aten.sigmoid_backward(of_fused * ahead, gate)  # inside the sigmoid
        of_found = of_fused.sub_(of_seen)  # of a_s, but for the gate and the regions
        of_shares = (of_seen @ shared.values.T).addmm_(of_gate, shared.gated.T)  # (t n, N)
        of_scores = torch.ops.aten._softmax_backward_data(of_shares, shares, 1, shares.dtype)
        of_hidden = of_found @ shared.score
        of_hidden.addmm_(of_gate, shared.gate).addmm_(of_scores, shared.regions)
        gradients = Shared(
            words=of_words.sum(0),
            regions=of_scores.T @ hidden,
            values=shares.T @ of_seen,
            gated=shares.T @ of_gate,
            score=of_found.T @ hidden,
            gate=of_gate.T @ hidden,
        )
        inside = of_hidden.mul_(SLOPE[ctx.activation](hidden.clone()))
        inside = inside.view(len(context), len(shared.words), inside.shape[1])  # (t, n, h)
        return None, inside.sum(1), inside.sum(0), *gradients
