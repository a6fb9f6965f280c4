"""An exponential moving average of a network's weights (Polyak averaging)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class Average:
    """Keeps the average of the trained weights, and lends it to the network for scoring.

    After step t the average a becomes d a + (1 - d) w, d = min(decay, (1 + t) / (10 + t)), so
    that the first weights do not linger. With decay 0 the average is the weights themselves.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._weights: list[Tensor] = [p for p in network.parameters() if p.requires_grad]
        self._decay = decay
        self._steps = 0
        self._average = [w.detach().clone() for w in self._weights] if decay else self._weights

    @torch.no_grad()
    def update(self) -> None:
        """Take the present weights into the average; called after each step."""
        if not self._decay:
            return
        self._steps += 1
        decay = min(self._decay, (1 + self._steps) / (10 + self._steps))
        torch._foreach_lerp_(self._average, self._weights, 1 - decay)

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Within it the network holds the average; afterwards its own weights again."""
        if not self._decay:
            yield
            return
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` takes over; it shares its tensors with this average."""
        return {"steps": self._steps, "average": self._average if self._decay else []}

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from the state of another average of the same network and decay."""
        self._steps = state["steps"]
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
