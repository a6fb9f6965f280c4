"""Long short-term memory of two directions at once, with the backward pass written out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from pipeline.layers.packed import firsts, recurrent_gradient, steps_of


class LSTMSteps(torch.autograd.Function):
    """The states of two independent LSTMs over packed sequences, from the inputs' share of gates.

    Of the inputs' shares x, with s = h_{t-1} W: i = σ(x_i + s_i), f = σ(x_f + s_f),
    g = tanh(x_g + s_g), o = σ(x_o + s_o), c_t = f c_{t-1} + i g, h_t = o tanh(c_t), as torch has
    them (Hochreiter and Schmidhuber 1997). The first state and cell are zero.
    """

    @staticmethod
    def forward(ctx: Any, read: Tensor, recurrent: Tensor, counts: list[int]) -> Tensor:
        """Packed x (S, 4 H) as i, f, g, o, W (2, H, 4 H) and n_t to packed h (S, H)."""
        width = recurrent.shape[1]
        gates = read.clone()
        cells, bent, states = (read.new_empty(len(read), width) for _ in range(3))
        heard, cell, curved, told = (
            steps_of(rows, counts) for rows in (gates, cells, bent, states)
        )
        entering = steps_of(gates[:, : 2 * width], counts)
        enter, keep, new, leave = (steps_of(rows, counts) for rows in gates.chunk(4, 1))
        state, held = firsts(told, counts), firsts(cell, counts)
        for t in range(len(counts)):
            if t:
                heard[t].baddbmm_(state[t - 1], recurrent)
            entering[t].sigmoid_()
            leave[t].sigmoid_()
            torch.mul(enter[t], new[t].tanh_(), out=cell[t])
            if t:
                cell[t].addcmul_(keep[t], held[t - 1])
            torch.tanh(cell[t], out=curved[t])
            torch.mul(leave[t], curved[t], out=told[t])
        ctx.save_for_backward(recurrent, gates, cells, bent, states)
        ctx.counts = counts
        return states

    @staticmethod
    def backward(ctx: Any, *given: Tensor) -> tuple[Tensor, Tensor, None]:
        """The gradient of h (S, H) to those of x and W."""
        recurrent, gates, cells, bent, states = ctx.saved_tensors
        counts, width = ctx.counts, recurrent.shape[1]
        enter, keep, new, leave = gates.chunk(4, 1)  # (S, H) each
        held = firsts(steps_of(cells, counts), counts)
        first = cells.new_zeros(2 * counts[0], width)
        before = torch.cat([first, *(cell.flatten(0, 1) for cell in held)])  # (S, H)
        # What a cell's gradient is times, in x_i, x_f and x_g, and a state's in x_o.
        slopes = torch.addcmul(gates, gates, gates, value=-1)
        of_enter, of_keep, of_new, of_leave = slopes.chunk(4, 1)
        of_enter.mul_(new)
        of_keep.mul_(before)
        torch.addcmul(enter, enter * new, new, value=-1, out=of_new)
        of_leave.mul_(bent)
        cell = torch.addcmul(leave, leave * bent, bent, value=-1)  # becomes each cell's gradient
        wanted = given[0].clone()  # becomes the whole gradient of each state
        back = recurrent.transpose(1, 2).contiguous()  # (2, 4 H, H)
        wanted_t, slopes_t, cell_t, keep_t = (
            steps_of(rows, counts) for rows in (wanted, slopes, cell, keep)
        )
        by_cell = steps_of(slopes.view(-1, 4, width)[:, :3], counts)  # (2, n_t, 3, H)
        by_state = steps_of(of_leave, counts)
        reached_cell, reached = firsts(cell_t, counts), firsts(wanted_t, counts)
        for t in range(len(counts) - 1, -1, -1):
            cell_t[t].mul_(wanted_t[t])
            if t + 1 < len(counts):
                reached_cell[t].addcmul_(cell_t[t + 1], keep_t[t + 1])
            by_cell[t].mul_(cell_t[t].unsqueeze(2))
            by_state[t].mul_(wanted_t[t])
            if t:
                reached[t - 1].baddbmm_(slopes_t[t], back)
        told = firsts(steps_of(states, counts), counts)
        return slopes, recurrent_gradient(told, slopes_t, recurrent), None


def lstm_shares(cell: nn.LSTM, steps: Tensor) -> Tensor:
    """What inputs (R, I) and the biases add to i, f, g and o: (R, 4 H)."""
    weight, _, first, hidden = cell.parameters()
    return nn.functional.linear(steps, weight, first + hidden)


def lstm_states(cells: tuple[nn.LSTM, nn.LSTM], read: Tensor, counts: list[int]) -> Tensor:
    """The packed states (S, H) of both directions, from the packed shares (S, 4 H)."""
    weights = [list(cell.parameters()) for cell in cells]
    recurrent = torch.stack([weight.t() for _, weight, _, _ in weights])  # (2, H, 4 H)
    states: Tensor = LSTMSteps.apply(read.to(recurrent.dtype), recurrent, counts)
    return states
