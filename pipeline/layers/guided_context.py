"""Guided attention whose features share the weights of the regions, with gradients written out.

It computes what `GuidedVisual` and the softmax over words compute one after the other, in an order
that costs less: what a gate reads is linear in what came before it, so that its matrices are
multiplied with those before them, once, and not with the vectors of every pair of words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

BLOCK = 1 << 18  # numbers of pairs x regions x inner that are held at a time: they fit in a cache

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
    regions: Tensor  # I_j W_i (N, h)
    values: Tensor  # V I_j + v (N, d)
    gated: Tensor  # W_2 of the values (N, d)
    guide: Tensor  # W_s W_t (h, h)
    score: Tensor  # W_t (d, h)
    gate: Tensor  # W_1 W_t (d, h)
    bias: Tensor  # b (d,)
    region_score: Tensor  # W_v (h,)


class GuidedContext(torch.autograd.Function):
    """C of the words of one post that has an image.

    For each pair of words twice h, N and three times d numbers are kept. What has regions x inner
    numbers for a pair is computed again.
    """

    @staticmethod
    def forward(
        ctx: Any, activation: Activation, asked: Tensor, keys: Tensor, *given: Tensor
    ) -> Tensor:
        """From x W_q (t, h), w W_x (n, h) and all of `Shared` to C (t, d)."""
        shared = Shared(*given)
        hidden = IN_PLACE[activation]((keys + asked[:, None]).flatten(0, 1))  # (t n, h)
        guided = hidden @ shared.guide.T  # a_s W_s (t n, h)
        scores = guided.new_empty(len(guided), len(shared.regions))  # a_v (t n, N)
        for here, seen in _blocks(activation, guided, shared.regions):
            torch.mv(seen.flatten(0, 1), shared.region_score, out=scores[here].view(-1))
        shares = scores.softmax(1)
        found = hidden @ shared.score.T  # a_s (t n, d)
        gate = torch.addmm(shared.bias, hidden, shared.gate.T)
        gate.addmm_(shares, shared.gated).sigmoid_()  # G (t n, d)
        ahead = torch.addmm(found, shares, shared.values, beta=-1)  # C_v - a_s (t n, d)
        fused = found.addcmul_(gate, ahead).view(len(asked), *shared.words.shape)  # F_r (t, n, d)
        weights = fused.softmax(1)
        context = (weights * shared.words).sum(1)
        ctx.activation = activation
        ctx.save_for_backward(*given, hidden, guided, shares, gate, ahead, weights, context)
        return context

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor | None, ...]:
        """The gradient of C (t, d) to those of all that `forward` takes."""
        held = len(Shared._fields)
        shared = Shared(*ctx.saved_tensors[:held])
        hidden, guided, shares, gate, ahead, weights, context = ctx.saved_tensors[held:]
        # Of the softmax over words, whose sum of weights x gradients is C's own.
        of_words = weights * cotangent[:, None]  # (t, n, d)
        of_fused = (shared.words - context[:, None]).mul_(of_words).flatten(0, 1)  # (t n, d)
        of_seen = of_fused * gate  # of C_v
        of_gate = torch.ops.aten.sigmoid_backward(of_fused * ahead, gate)  # inside the sigmoid
        of_found = of_fused.sub_(of_seen)  # of a_s, but for the gate and the guide
        of_shares = (of_seen @ shared.values.T).addmm_(of_gate, shared.gated.T)  # (t n, N)
        of_scores = of_shares.sub_((of_shares * shares).sum(1, True)).mul_(shares)
        of_guided = torch.empty_like(guided)
        of_regions = torch.zeros_like(shared.regions)
        of_region_score = torch.zeros_like(shared.region_score)
        for here, seen in _blocks(ctx.activation, guided, shared.regions):
            of_score = of_scores[here]  # (c, N)
            of_region_score.addmv_(seen.flatten(0, 1).T, of_score.flatten())
            slopes = SLOPE[ctx.activation](seen)  # (c, N, h)
            torch.bmm(of_score[:, None], slopes, out=of_guided[here][:, None])
            of_regions += slopes.mul_(of_score[:, :, None]).sum(0)
        of_guided *= shared.region_score
        of_regions *= shared.region_score
        of_hidden = of_found @ shared.score
        of_hidden.addmm_(of_gate, shared.gate).addmm_(of_guided, shared.guide)
        gradients = Shared(
            words=of_words.sum(0),
            regions=of_regions,
            values=shares.T @ of_seen,
            gated=shares.T @ of_gate,
            guide=of_guided.T @ hidden,
            score=of_found.T @ hidden,
            gate=of_gate.T @ hidden,
            bias=of_gate.sum(0),
            region_score=of_region_score,
        )
        inside = of_hidden.mul_(SLOPE[ctx.activation](hidden.clone()))
        inside = inside.view(len(context), len(shared.words), inside.shape[1])  # (t, n, h)
        return None, inside.sum(1), inside.sum(0), *gradients


def _blocks(
    activation: Activation, guided: Tensor, regions: Tensor
) -> Iterator[tuple[slice, Tensor]]:
    """σ of some pairs (c, h) + each region (N, h): (c, N, h), which the next overwrites."""
    step = max(1, BLOCK // regions.numel())
    room = guided.new_empty(min(step, len(guided)), *regions.shape)
    for start in range(0, len(guided), step):
        here = slice(start, min(start + step, len(guided)))
        seen = torch.add(guided[here, None], regions, out=room[: here.stop - start])
        yield here, IN_PLACE[activation](seen)
