"""A function of rows, a few at a time, computed again when its gradients are asked for.

It is what `torch.utils.checkpoint` does, for a loop over many small parts: that keeps a graph for
each of them, whose small blocks lie between the large ones of the parts and keep the heap from
being used again, so that memory grows by megabytes a part all the same. Here nothing is kept but
what goes in and what comes out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def by_rows(
    function: Callable[..., Tensor],
    step: int,
    rows: Tensor,
    shared: Sequence[Tensor],
    weights: Sequence[Tensor],
) -> Tensor:
    """`function(rows, *shared)`, `step` rows at a time.

    Args:
        function: from some of the rows (c, ...) and all of `shared` to (c, d); each row's result
            depends on that row alone, and nothing in it is drawn.
        step: rows at a time.
        rows: (n, ...), n at least 1.
        shared: what every row needs.
        weights: all other tensors that the function reads and that have gradients.

    Returns:
        (n, d), with gradients to `rows`, `shared` and `weights`.
    """
    result: Tensor = _ByRows.apply(function, step, len(shared), rows, *shared, *weights)
    return result


class _ByRows(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        function: Callable[..., Tensor],
        step: int,
        count: int,
        rows: Tensor,
        *others: Tensor,
    ) -> Tensor:
        ctx.function, ctx.step, ctx.count = function, step, count
        kind = rows.device.type
        ctx.precision = kind, torch.get_autocast_dtype(kind), torch.is_autocast_enabled(kind)
        ctx.save_for_backward(rows, *others)
        shared = others[:count]
        return torch.cat([function(part, *shared) for part in rows.split(step)])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor | None, ...]:
        rows, *others = ctx.saved_tensors
        shared = [tensor.detach().requires_grad_() for tensor in others[: ctx.count]]
        leaves = [*shared, *others[ctx.count :]]
        kind, dtype, enabled = ctx.precision
        of_rows = torch.empty_like(rows)
        totals: list[Tensor | None] = [None] * len(leaves)
        for start in range(0, len(rows), ctx.step):
            here = slice(start, start + ctx.step)
            with torch.enable_grad(), torch.autocast(kind, dtype, enabled=enabled):
                part = rows[here].detach().requires_grad_()
                result = ctx.function(part, *shared)
            of_rows[here], *found = torch.autograd.grad(
                result, [part, *leaves], cotangent[here], allow_unused=True
            )
            for place, gradient in enumerate(found):
                total = totals[place]
                if total is None:
                    totals[place] = gradient
                elif gradient is not None:
                    total += gradient
        return None, None, None, of_rows, *totals
