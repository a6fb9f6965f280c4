"""Gated recurrent units of two directions at once, with the backward pass written out.

On a CPU torch takes a GRU step by step through a dozen small operations, and once more, twice as
many, through their gradients. Here both directions are one batched product a step, backward as
forward, and the gradient of the recurrent weights is one product of all steps. Values and gradients
are those of `torch.nn.GRU`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class GRUSteps(torch.autograd.Function):
    """The states of D independent GRUs over T steps, from the inputs' share of their gates.

    Of the inputs' shares x, with s = h_{t-1} W: r = σ(x_r + s_r), z = σ(x_z + s_z),
    n = tanh(x_n + r (s_n + b)), h_t = (1 - z) n + z h_{t-1}, as torch has them (Cho et al. 2014).
    The first state is zero.
    """

    @staticmethod
    def forward(ctx: Any, read: Tensor, recurrent: Tensor, bias: Tensor) -> Tensor:
        """Inputs x (T, D, B, 3 H) as r, z, n, W (D, H, 3 H), b (D, 1, H) to h (T, D, B, H)."""
        width = read.shape[3] // 3
        gates = torch.empty_like(read)  # r, z, n
        heard = torch.empty_like(read[..., :width])  # s_n + b
        states = torch.empty_like(heard)
        state = torch.zeros_like(heard[0])
        for t in range(len(read)):
            now, new = gates[t], gates[t][..., 2 * width :]
            torch.bmm(state, recurrent, out=now)
            torch.add(new, bias, out=heard[t])
            now[..., : 2 * width].add_(read[t][..., : 2 * width]).sigmoid_()
            reset, keep = now[..., :width], now[..., width : 2 * width]
            torch.addcmul(read[t][..., 2 * width :], reset, heard[t], out=new).tanh_()
            state = torch.lerp(new, state, keep, out=states[t])
        ctx.save_for_backward(recurrent, gates, heard, states)
        return states

    @staticmethod
    def backward(ctx: Any, *given: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The gradient of h (T, D, B, H) to those of x, W and b."""
        recurrent, gates, heard, states = ctx.saved_tensors
        reset, keep, new = gates.chunk(3, 3)  # (T, D, B, H) each
        before = torch.cat([torch.zeros_like(states[:1]), states[:-1]])
        to_new = (1 - keep) * (1 - new * new)  # what a state's gradient is times, in x_n
        to_heard = to_new * reset
        slopes = torch.stack(  # and in s_r, s_z, s_n
            [to_heard * heard * (1 - reset), (before - new) * keep * (1 - keep), to_heard], 3
        )  # (T, D, B, 3, H)
        back = recurrent.transpose(1, 2).contiguous()  # (D, 3 H, H)
        wanted = given[0].clone()  # becomes the whole gradient of each state
        for t in range(len(states) - 1, -1, -1):
            slopes[t] *= wanted[t][:, :, None]
            if t:
                wanted[t - 1].baddbmm_(slopes[t].flatten(2), back).addcmul_(wanted[t], keep[t])
        flat = slopes.flatten(3)  # (T, D, B, 3 H)
        weights = _by_layer(before).transpose(1, 2) @ _by_layer(flat)  # (D, H, 3 H)
        bias = _by_layer(slopes[..., 2, :]).sum(1, keepdim=True)
        read = torch.cat([flat[..., : -new.shape[3]], wanted * to_new], 3)
        return read, weights, bias


def both_directions(forwards: nn.GRU, backwards: nn.GRU, ahead: Tensor, back: Tensor) -> Tensor:
    """The states of two GRUs of one layer over inputs (B, T, I) each: (2, B, T, H)."""
    width = forwards.hidden_size
    inputs, recurrent, first, hidden = (
        torch.stack([getattr(cell, name) for cell in (forwards, backwards)])
        for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    )  # (2, 3 H, I), (2, 3 H, H), (2, 3 H), (2, 3 H)
    first, hidden = first[:, None], hidden[:, None]
    # The biases of r and z add up; that of s_n stays inside the reset gate.
    bias = first + torch.cat([hidden[..., : 2 * width], torch.zeros_like(hidden[..., :width])], 2)
    steps = torch.stack([ahead, back]).transpose(1, 2)  # (2, T, B, I)
    read = torch.baddbmm(bias, steps.flatten(1, 2), inputs.transpose(1, 2))  # (2, T B, 3 H)
    read = read.unflatten(1, steps.shape[1:3]).transpose(0, 1).contiguous()  # (T, 2, B, 3 H)
    turned = recurrent.transpose(1, 2).contiguous()  # (2, H, 3 H)
    states: Tensor = GRUSteps.apply(read, turned, hidden[..., 2 * width :])
    return states.permute(1, 2, 0, 3)


def _by_layer(steps: Tensor) -> Tensor:
    """(T, D, B, n) as (D, T B, n)."""
    return steps.transpose(0, 1).flatten(1, 2)
