"""Bidirectional layers whose padding changes nothing, and the cells that they are made of."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from pipeline.layers.gru import gru_shares, gru_states
from pipeline.layers.lstm import lstm_shares, lstm_states
from pipeline.layers.packed import Packing, ends, gathered, pack, unpacked


class Bidirectional(nn.Module):
    """Two recurrent layers over a padded batch, one of them reading each sequence from its own end.

    h_t = [forward h_t, backward h_t] (Zhang et al. 2018, equation 2). Here each sequence is
    reversed within its length, which keeps the fast kernels for dense batches; where packing is
    faster, with the same numbers but for rounding, layers below do that.

    Args:
        forwards: steps (B, T, inputs) to (B, T, hidden / 2) and a state.
        backwards: another one.
        hidden: width of a step's output, both directions together; even.
    """

    def __init__(self, forwards: nn.Module, backwards: nn.Module, hidden: int) -> None:
        super().__init__()
        self.forwards, self.backwards = forwards, backwards
        self.width = hidden

    def forward(self, steps: Tensor, mask: Tensor) -> Tensor:
        """Inputs (B, T, inputs) with mask (B, T), true from the left, to (B, T, hidden).

        Steps outside the mask come out as zeros.
        """
        turned = reversal(mask)  # (B, T)
        # (B, T, hidden / 2) each
        ahead, back = self.forwards(steps)[0], self.backwards(reorder(steps, turned))[0]
        both = torch.cat([ahead, reorder(back, turned)], 2)  # (B, T, hidden)
        return both * mask[:, :, None]

    def ends(self, steps: Tensor, mask: Tensor) -> Tensor:
        """The last states of both directions, [forward h_n; backward h_1]: (B, hidden).

        A row without any step has zeros.
        """
        ahead, back = self(steps, mask).chunk(2, 2)  # (B, T, hidden / 2) each
        last = (mask.sum(1) - 1).clamp(min=0)  # (B,)
        return torch.cat(
            [ahead[torch.arange(len(steps), device=steps.device), last], back[:, 0]], 1
        )

    def ends_of(self, table: Tensor, ids: Tensor, lengths: Tensor) -> Tensor:
        """`ends` of sequences whose places hold rows of a table, packed, for a CPU.

        A row's share of the gates is computed once, wherever and however often it stands.

        Args:
            table: (R, inputs).
            ids: rows of the table, (B, T).
            lengths: how many places of each sequence count, from the left: (B,).
        """
        packing = pack(lengths)
        rows = ids[packing.sequence, packing.place]  # (S,)
        return ends(self.states_of(table, rows, packing), packing, lengths)

    def states_of(self, table: Tensor, rows: Tensor, packing: Packing) -> Tensor:
        """The packed states (S, hidden / 2) over rows (S,) of a table (R, inputs)."""
        ahead, back = self.forwards, self.backwards
        if isinstance(ahead, nn.GRU) and isinstance(back, nn.GRU):
            read = gathered(gru_shares(ahead, table), gru_shares(back, table), packing, rows)
            return gru_states((ahead, back), read, packing.counts)
        assert isinstance(ahead, nn.LSTM)
        assert isinstance(back, nn.LSTM)
        read = gathered(lstm_shares(ahead, table), lstm_shares(back, table), packing, rows)
        return lstm_states((ahead, back), read, packing.counts)


class BiLSTM(Bidirectional):
    """Two LSTMs.

    Args:
        inputs: width of a step's input.
        hidden: width of a step's output, both directions together; even.
        cell: standard: torch's LSTM; coupled: `CoupledLSTM`.
    """

    def __init__(
        self, inputs: int, hidden: int, cell: Literal["standard", "coupled"] = "standard"
    ) -> None:
        forwards, backwards = (
            CoupledLSTM(inputs, half(hidden))
            if cell == "coupled"
            else nn.LSTM(inputs, half(hidden), batch_first=True)
            for _ in range(2)
        )
        super().__init__(forwards, backwards, hidden)


class BiGRU(Bidirectional):
    """Two GRUs.

    Args:
        inputs: width of a step's input.
        hidden: width of a step's output, both directions together; even.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        forwards, backwards = (nn.GRU(inputs, half(hidden), batch_first=True) for _ in range(2))
        super().__init__(forwards, backwards, hidden)

    def forward(self, steps: Tensor, mask: Tensor) -> Tensor:
        """As torch's GRUs would; a GPU has a kernel of its own for them."""
        if steps.is_cuda:
            return super().forward(steps, mask)
        packing = pack(mask.sum(1))
        rows = packing.sequence * mask.shape[1] + packing.place  # (S,)
        return unpacked(self.states_of(steps.flatten(0, 1), rows, packing), packing, mask)

    def ends(self, steps: Tensor, mask: Tensor) -> Tensor:
        """As those of any `Bidirectional`."""
        if steps.is_cuda:
            return super().ends(steps, mask)
        places = torch.arange(mask.numel()).view(mask.shape)
        return self.ends_of(steps.flatten(0, 1), places, mask.sum(1))


def half(hidden: int) -> int:
    """The width of one direction."""
    if hidden % 2:
        raise ValueError(f"hidden counts both directions and must be even, got {hidden}")
    return hidden // 2


class CoupledLSTM(nn.Module):
    """An LSTM that forgets what it replaces and whose gates see the cell (Moon et al. 2018, eq. 1).

        i_t = σ(W_xi x_t + W_hi h_{t-1} + W_ci c_{t-1})
        c_t = (1 - i_t) ⊙ c_{t-1} + i_t ⊙ tanh(W_xc x_t + W_hc h_{t-1})
        o_t = σ(W_xo x_t + W_ho h_{t-1} + W_co c_t)
        h_t = o_t ⊙ tanh(c_t)

    The first line is printed as σ(W_xi h_{t-1} + W_ci c_{t-1}), in which W_xi has lost its x_t;
    it is read as Lample et al. 2016 print the same equations. Biases, omitted there, are kept.

    Args:
        inputs: width of a step's input.
        hidden: width of a step's output.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.from_input = nn.Linear(inputs, 3 * hidden)  # W_xi, W_xc, W_xo
        self.from_state = nn.Linear(hidden, 3 * hidden, bias=False)  # W_hi, W_hc, W_ho
        self.cell_to_input = nn.Linear(hidden, hidden, bias=False)  # W_ci
        self.cell_to_output = nn.Linear(hidden, hidden, bias=False)  # W_co
        self.hidden = hidden

    def forward(self, steps: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs (B, T, inputs) to the outputs (B, T, hidden) and the last cell (B, hidden)."""
        read = self.from_input(steps)  # (B, T, 3 hidden)
        state = cell = steps.new_zeros(len(steps), self.hidden)  # (B, hidden)
        states = []
        for now in read.unbind(1):
            entering, new, leaving = (now + self.from_state(state)).chunk(3, 1)  # (B, hidden) each
            gate = (entering + self.cell_to_input(cell)).sigmoid()  # (B, hidden)
            cell = (1 - gate) * cell + gate * new.tanh()
            state = (leaving + self.cell_to_output(cell)).sigmoid() * cell.tanh()
            states.append(state)
        return torch.stack(states, 1), cell


def reversal(mask: Tensor) -> Tensor:
    """For each row of a mask (B, T), the order that reverses its true part: (B, T) long."""
    lengths = mask.sum(1, keepdim=True)  # (B, 1)
    places = torch.arange(mask.shape[1], device=mask.device).expand_as(mask)  # (B, T)
    return torch.where(mask, lengths - 1 - places, places)


def reorder(steps: Tensor, order: Tensor) -> Tensor:
    """Rows of steps (B, T, d) taken in the given order (B, T)."""
    return steps.gather(1, order[:, :, None].expand(-1, -1, steps.shape[2]))
