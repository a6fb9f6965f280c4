"""Sequences laid step after step, the longest first: those that have ended leave the products.

A bidirectional layer reads a sequence from both ends. Step t holds, for each direction, one row for
each sequence that has more than t places. The rows of a step lie together, so that a step of both
directions is one batched product and no padding is ever computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

DIRECTIONS = 2


@dataclass(frozen=True)
class Packing:
    """Where each of S rows comes from; a sequence without a place has one all the same.

    Attributes:
        counts: how many sequences each step has, n_t; S is twice their sum.
        direction: 0 ahead, 1 back: (S,).
        sequence: the sequence of each row: (S,).
        place: the place in it that the row's step reads: (S,).
        last: the row of each direction's last step over each sequence, (2 B,), all of the
            direction ahead first.
    """

    counts: list[int]
    direction: Tensor
    sequence: Tensor
    place: Tensor
    last: Tensor


def pack(lengths: Tensor) -> Packing:
    """The packing of sequences of these lengths (B,), of which there is at least one."""
    lengths, order = lengths.clamp(min=1).sort(descending=True, stable=True)  # (B,) each
    steps = torch.arange(int(lengths[0]), device=lengths.device)
    there = lengths > steps[:, None]  # (T, B)
    counts: list[int] = there.sum(1).tolist()
    step, direction, row = there[:, None].expand(-1, DIRECTIONS, -1).nonzero().unbind(1)
    behind = lengths[row] - 1 - step  # places that are still to come
    last = torch.empty(DIRECTIONS * len(order), dtype=torch.long, device=lengths.device)
    sequence = order[row]
    ends = (behind == 0).nonzero().squeeze(1)  # (2 B,)
    last[(direction * len(order) + sequence)[ends]] = ends
    return Packing(counts, direction, sequence, torch.where(direction == 0, step, behind), last)


def gathered(ahead: Tensor, back: Tensor, packing: Packing, rows: Tensor) -> Tensor:
    """The rows (S,) of what each direction reads, (R, d): (S, d).

    The gradients of a row are summed in the order of its uses, the same each time.
    """
    read = torch.cat([ahead, back])
    return nn.functional.embedding(rows + packing.direction * len(ahead), read)


def ends(states: Tensor, packing: Packing, lengths: Tensor) -> Tensor:
    """The last states (S, H) of both directions over sequences of these lengths: (B, 2 H).

    A sequence without a place has zeros.
    """
    last = nn.functional.embedding(packing.last.view(DIRECTIONS, -1).t(), states)  # (B, 2, H)
    return last.flatten(1) * (lengths > 0)[:, None]


def unpacked(states: Tensor, packing: Packing, mask: Tensor) -> Tensor:
    """The states (S, H) of both directions at each place of a mask (B, T): (B, T, 2 H)."""
    rows = packing.sequence * mask.shape[1] + packing.place  # (S,)
    places = states.new_zeros(mask.numel() * DIRECTIONS, states.shape[1])
    placed = places.index_copy(0, rows * DIRECTIONS + packing.direction, states)
    return placed.view(*mask.shape, -1) * mask[:, :, None]


def steps_of(packed: Tensor, counts: Sequence[int]) -> list[Tensor]:
    """Views of the rows (S, ...) of each step, (2, n_t, ...)."""
    parts = packed.split([DIRECTIONS * count for count in counts])
    return [part.view(DIRECTIONS, -1, *packed.shape[1:]) for part in parts]


def firsts(steps: Sequence[Tensor], counts: Sequence[int]) -> list[Tensor]:
    """What the next step reads of each of the steps (2, n_t, d) but the last: (2, n_{t+1}, d)."""
    return [
        step if step.shape[1] == count else step[:, :count]
        for step, count in zip(steps, counts[1:], strict=False)
    ]


def recurrent_gradient(before: Sequence[Tensor], slopes: Sequence[Tensor], like: Tensor) -> Tensor:
    """The sum over steps of h' s, of the states h and the gradients s of what W made of them.

    Args:
        before: the states that each step but the first read, (2, n_t, H).
        slopes: the gradients of each step, (2, n_t, G).
        like: W, (2, H, G).
    """
    if not before:
        return torch.zeros_like(like)
    return torch.cat(list(before), 1).transpose(1, 2) @ torch.cat(list(slopes[1:]), 1)
