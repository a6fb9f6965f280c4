"""An exponential moving average of a network's weights (Polyak averaging)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class Average:
    """Keeps the average of the trained weights, and lends it to the network for scoring.

    After step t the average a becomes d_t a + (1 - d_t) w, d_t = min(decay, (1 + t) / (10 + t)), so
    that the first weights do not linger. With decay 0 the average is the weights themselves.

    A row of a table that no step moves has the same w all the while, and its average comes nearer
    by the product of all d_t: it is brought up to date when a step is about to move the row, and
    when the average is lent.

    Args:
        network: its trained weights are averaged.
        decay: the greatest d_t.
        tables: weights of which a step moves some rows alone.
    """

    def __init__(self, network: nn.Module, decay: float, tables: Sequence[Tensor] = ()) -> None:
        held = {id(weight) for weight in tables}
        trained = [p for p in network.parameters() if p.requires_grad and id(p) not in held]
        self._weights: list[Tensor] = [*trained, *tables]
        self._decay = decay
        self._steps = 0
        self._average = [w.detach().clone() for w in self._weights] if decay else self._weights
        self._whole = len(trained)  # of this many weights every row is moved by each step
        self._log = 0.0  # of the product of all d_t so far
        # The same when a row of a table was brought up to date.
        self._logs = [torch.zeros(len(w), dtype=torch.float64, device=w.device) for w in tables]

    @torch.no_grad()
    def before_step(self) -> None:
        """Bring up to date those rows of tables that have a gradient; called before each step."""
        for place, log in enumerate(self._logs if self._decay else []):
            gradient = self._weights[self._whole + place].grad
            if gradient is not None:
                self._catch_up(place, log, gradient.coalesce().indices()[0])

    @torch.no_grad()
    def update(self) -> None:
        """Take the present weights into the average; called after each step."""
        if not self._decay:
            return
        self._steps += 1
        decay = min(self._decay, (1 + self._steps) / (10 + self._steps))
        torch._foreach_lerp_(self._average[: self._whole], self._weights[: self._whole], 1 - decay)
        self._log += math.log(decay)

    def _catch_up(self, place: int, log: Tensor, rows: Tensor) -> None:
        """Rows of a table: each has had its present weights since it was last brought up."""
        weight, average = self._weights[self._whole + place], self._average[self._whole + place]
        share = (self._log - log[rows]).exp().to(average.dtype)[:, None]  # of what it was
        average[rows] = torch.lerp(weight[rows], average[rows], share)
        log[rows] = self._log

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Within it the network holds the average; afterwards its own weights again."""
        if not self._decay:
            yield
            return
        with torch.no_grad():
            for place, log in enumerate(self._logs):
                self._catch_up(place, log, torch.arange(len(log), device=log.device))
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` takes over; it shares its tensors with this average."""
        average = self._average if self._decay else []
        return {"steps": self._steps, "average": average, "log": self._log, "logs": self._logs}

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from the state of another average of the same network and decay."""
        self._steps, self._log = state["steps"], state["log"]
        for log, held in zip(self._logs, state["logs"], strict=True):
            log.copy_(held)
        for average, value in zip(
            self._average if self._decay else [], state["average"], strict=True
        ):
            average.copy_(value)

    @torch.no_grad()
    def _swap(self) -> None:
        for weight, average in zip(self._weights, self._average, strict=True):
            kept = weight.detach().clone()
            weight.copy_(average)
            average.copy_(kept)
