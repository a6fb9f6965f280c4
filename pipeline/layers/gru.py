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

from pipeline.layers.packed import firsts, recurrent_gradient, steps_of


class GRUSteps(torch.autograd.Function):
    """The states of two independent GRUs over packed sequences, from the inputs' share of gates.

    Of the inputs' shares x, with s = h_{t-1} W: r = σ(x_r + s_r), z = σ(x_z + s_z),
    n = tanh(x_n + r (s_n + b)), h_t = (1 - z) n + z h_{t-1}, as torch has them (Cho et al. 2014).
    The first state is zero.
    """

    @staticmethod
    def forward(
        ctx: Any, read: Tensor, recurrent: Tensor, bias: Tensor, counts: list[int]
    ) -> Tensor:
        """Packed x (S, 3 H) as r, z, n, W (2, H, 3 H), b (2, 1, H) and n_t to packed h (S, H)."""
        width = recurrent.shape[1]
        gates = torch.zeros_like(read)  # r, z, n
        heard, states = (read.new_empty(len(read), width) for _ in range(2))  # heard: s_n + b
        opened, heard_t, told = (steps_of(rows, counts) for rows in (gates, heard, states))
        both, shares = (steps_of(rows[:, : 2 * width], counts) for rows in (gates, read))
        reset, keep, new = (steps_of(rows, counts) for rows in gates.chunk(3, 1))
        shares_new = steps_of(read[:, 2 * width :], counts)
        before = [torch.zeros_like(told[0]), *firsts(told, counts)]
        for t in range(len(counts)):
            if t:
                torch.bmm(before[t], recurrent, out=opened[t])
            torch.add(new[t], bias, out=heard_t[t])
            both[t].add_(shares[t]).sigmoid_()
            torch.addcmul(shares_new[t], reset[t], heard_t[t], out=new[t]).tanh_()
            torch.lerp(new[t], before[t], keep[t], out=told[t])
        ctx.save_for_backward(recurrent, gates, heard, states)
        ctx.counts = counts
        return states

    @staticmethod
    def backward(ctx: Any, *given: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """The gradient of h (S, H) to those of x, W and b."""
        recurrent, gates, heard, states = ctx.saved_tensors
        counts, width = ctx.counts, recurrent.shape[1]
        reset, keep, new = gates.chunk(3, 1)  # (S, H) each
        told = firsts(steps_of(states, counts), counts)
        first = states.new_zeros(2 * counts[0], width)
        before = torch.cat([first, *(state.flatten(0, 1) for state in told)])  # (S, H)
        to_new = (1 - keep) * (1 - new * new)  # what a state's gradient is times, in x_n
        slopes = states.new_empty(len(states), 3, width)  # and in s_r, s_z, s_n
        to_heard = torch.mul(to_new, reset, out=slopes[:, 2])
        torch.mul(to_heard * heard, 1 - reset, out=slopes[:, 0])
        torch.mul((before - new).mul_(keep), 1 - keep, out=slopes[:, 1])
        back = recurrent.transpose(1, 2).contiguous()  # (2, 3 H, H)
        wanted = given[0].clone()  # becomes the whole gradient of each state
        wanted_t, keep_t, slopes_t = (steps_of(rows, counts) for rows in (wanted, keep, slopes))
        flat_t = [rows.flatten(2) for rows in slopes_t]  # (2, n_t, 3 H)
        reached = firsts(wanted_t, counts)
        for t in range(len(counts) - 1, -1, -1):
            slopes_t[t].mul_(wanted_t[t].unsqueeze(2))
            if t:
                reached[t - 1].baddbmm_(flat_t[t], back).addcmul_(wanted_t[t], keep_t[t])
        bias = torch.cat([rows[:, :, 2] for rows in slopes_t], 1).sum(1, keepdim=True)
        weights = recurrent_gradient(told, flat_t, recurrent)
        torch.mul(wanted, to_new, out=slopes[:, 2])  # x has its own share in n
        return slopes.flatten(1), weights, bias, None


def gru_shares(cell: nn.GRU, steps: Tensor) -> Tensor:
    """What inputs (R, I) add to r, z and n, with the biases that stand outside n's: (R, 3 H)."""
    weight, _, first, hidden = cell.parameters()
    width = cell.hidden_size
    # The biases of r and z add up; that of s_n stays inside the reset gate.
    bias = first + torch.cat([hidden[: 2 * width], torch.zeros_like(hidden[:width])])
    return nn.functional.linear(steps, weight, bias)


def gru_states(cells: tuple[nn.GRU, nn.GRU], read: Tensor, counts: list[int]) -> Tensor:
    """The packed states (S, H) of both directions, from the packed shares (S, 3 H)."""
    weights = [list(cell.parameters()) for cell in cells]
    recurrent = torch.stack([weight.t() for _, weight, _, _ in weights])  # (2, H, 3 H)
    bias = torch.stack([hidden[-cells[0].hidden_size :] for *_, hidden in weights])  # (2, H)
    states: Tensor = GRUSteps.apply(read.to(recurrent.dtype), recurrent, bias[:, None], counts)
    return states
