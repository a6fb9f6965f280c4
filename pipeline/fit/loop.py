"""The one training loop: optimise a loss over batches, keep the epoch that dev likes best.

A `Trainer` holds all that decides how a training goes on. `state` copies it out and `restore` puts
it back, at the end of an epoch or between two batches; what follows is the same to the last bit.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from pipeline.errors import PipelineError
from pipeline.fit.averaging import Average
from pipeline.fit.generators import generator_states, restore_generators
from pipeline.fit.optimization import Optimizers, clip
from pipeline.fit.resume import Slot
from pipeline.params.optimization import Optimization

Batch = TypeVar("Batch")

LOSSES = 50  # batches on a GPU until their losses are looked at, for which it must be waited


class DivergedError(PipelineError):
    """The loss is no number any more."""


@dataclass(frozen=True)
class Epoch:
    """The result of one epoch."""

    epoch: int  # from 1
    loss: float  # mean over the epoch's batches
    score: float  # on dev; larger is better
    seconds: float


@dataclass(frozen=True)
class Fitted:
    """The end of a training run; the network holds the best epoch's weights."""

    best: Epoch
    history: tuple[Epoch, ...]


@dataclass
class Position:
    """How far the epoch has come that is being trained."""

    epoch: int = 1
    batches: int = 0  # trained on so far
    loss: float = 0.0  # sum over these batches
    waiting: int = 0  # batches since the last step, whose gradients are summed up


class Trainer(Generic[Batch]):
    """Trains a network; `run` goes on from wherever it stands.

    Args:
        network: it is trained in place, on its device already.
        batches: gives the training batches of an epoch, counted from 1: the same ones whenever it
            is asked for the same epoch, without drawing from torch's generators.
        loss: gives the loss of one batch, a scalar with a graph.
        score: gives the network's score on dev; it is called once an epoch, in eval mode, with the
            averaged weights if `options` ask for averaging.
        options: optimizer, rates and stopping.
        watch: is told of each epoch when it is over; it may ask for the state.
        tables: modules of the network that hold a row a word (see `Optimizers`).
    """

    def __init__(
        self,
        network: nn.Module,
        batches: Callable[[int], Iterable[Batch]],
        loss: Callable[[Batch], Tensor],
        score: Callable[[], float],
        options: Optimization,
        watch: Callable[[Epoch], None],
        tables: Sequence[nn.Embedding] = (),
    ) -> None:
        self._network, self._options = network, options
        self._batches, self._loss, self._score, self._watch = batches, loss, score, watch
        self._optimizers = Optimizers(network, tables, options)
        self._average = Average(network, options.averaging, self._optimizers.tables)
        self._device = next(network.parameters()).device.type
        self._brief = options.precision == "bfloat16"
        self._losses: list[Tensor] = []  # of batches that are not added up yet
        self._position = Position()
        self._history: list[Epoch] = []
        self._best: Epoch | None = None
        self._kept: dict[str, Tensor] = {}  # the network's state after the best epoch
        self._started = time.monotonic()

    def run(self, slot: Slot | None = None) -> Fitted:
        """Train to the end and leave the network with the weights of its best epoch by dev score.

        Args:
            slot: takes the state from time to time, and at the end.

        Raises:
            DivergedError: when the loss is no number any more (the learning rate is too high).
            PipelineError: if an epoch has no batch.
        """
        with _tiny_is_zero():
            while not self.ended:
                self.epoch(slot)
        if slot is not None:
            slot.write(self.state())
        assert self._best is not None  # max_epochs is at least 1
        self._network.load_state_dict(self._kept)
        self._network.eval()
        return Fitted(self._best, tuple(self._history))

    @property
    def kept(self) -> Mapping[str, Tensor]:
        """The network's state after the best epoch so far; empty before the first has ended."""
        return self._kept

    @property
    def history(self) -> tuple[Epoch, ...]:
        """The epochs that are over."""
        return tuple(self._history)

    @property
    def ended(self) -> bool:
        """Whether the last epoch, or the last that patience allows, is over."""
        done = len(self._history)
        if done >= self._options.max_epochs:
            return True
        if self._best is None or self._best.epoch == done:
            return False
        # Before dev scores anything at all, there is nothing to lose patience with.
        return self._best.score > 0 and done - self._best.epoch >= self._options.patience

    def epoch(self, slot: Slot | None = None) -> None:
        """Train on the rest of the epoch's batches, then score the network on dev."""
        for batch in self.rest():
            self.step(batch)
            if slot is not None:
                slot.offer(self.state)
        self._end_epoch()

    def rest(self) -> Iterator[Batch]:
        """Those batches of the epoch that it was not trained on yet."""
        self._network.train()
        return islice(self._batches(self._position.epoch), self._position.batches, None)

    def step(self, batch: Batch) -> None:
        """Add a batch's gradients; move the weights if there are `accumulate` of them."""
        now = self._position
        with torch.autocast(self._device, torch.bfloat16, enabled=self._brief):
            value = self._loss(batch)
        value.backward()
        self._losses.append(value.detach())
        now.batches, now.waiting = now.batches + 1, now.waiting + 1
        if self._device == "cpu" or len(self._losses) == LOSSES:
            self._add_losses()
        if now.waiting == self._options.accumulate:
            self._move()

    def _add_losses(self) -> None:
        """Add up the losses of the last batches; a GPU is waited for here, and not at each step."""
        now, losses = self._position, torch.stack(self._losses).tolist() if self._losses else []
        for batch, loss in enumerate(losses, start=now.batches - len(losses) + 1):
            if not math.isfinite(loss):
                raise DivergedError(
                    f"epoch {now.epoch}, batch {batch}: the loss is {loss}. Training diverged: "
                    "lower training.learning_rate or set training.clip_norm."
                )
            now.loss += loss
        self._losses = []

    def _move(self) -> None:
        """One step of the optimizer by the mean gradient of the batches that wait."""
        for weight in self._network.parameters():
            if self._position.waiting > 1 and weight.grad is not None:
                weight.grad /= self._position.waiting
        if self._options.clip_norm is not None:
            clip(self._network.parameters(), self._options.clip_norm)
        self._average.before_step()
        self._optimizers.step()
        self._network.zero_grad(set_to_none=True)
        self._average.update()
        self._position.waiting = 0

    def _end_epoch(self) -> None:
        """Score the network, keep its weights if they are the best, and begin the next epoch."""
        now = self._position
        if not now.batches:
            raise PipelineError(f"epoch {now.epoch} has no batch: the training split is empty")
        self._add_losses()
        if now.waiting:  # the last step of an epoch may be of fewer batches
            self._move()
        self._optimizers.end_epoch()
        self._network.eval()
        with torch.no_grad(), self._average.lent():
            score = self._score()
            weights = {n: value.clone() for n, value in self._network.state_dict().items()}
        seconds = time.monotonic() - self._started
        self._history.append(Epoch(now.epoch, now.loss / now.batches, score, seconds))
        if self._best is None or score > self._best.score:
            self._best, self._kept = self._history[-1], weights
        self._position, self._started = Position(now.epoch + 1), time.monotonic()
        self._watch(self._history[-1])

    def state(self) -> dict[str, Any]:
        """A copy of all that decides how the training goes on, as torch.save takes it.

        It holds tensors, numbers, strings and containers of them: `torch.load` reads it with
        `weights_only=True`.
        """
        self._add_losses()
        gradients = {n: p.grad for n, p in self._network.named_parameters() if p.grad is not None}
        return copy.deepcopy(
            {
                "network": dict(self._network.state_dict()),
                "gradients": gradients,
                "optimizers": self._optimizers.state_dict(),
                "average": self._average.state_dict(),
                "generators": generator_states(),
                "position": asdict(self._position),
                "history": [asdict(epoch) for epoch in self._history],
                "best": None if self._best is None else asdict(self._best),
                "kept": self._kept,
            }
        )

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave, from a trainer of the same network, data and options."""
        state = copy.deepcopy(dict(state))
        self._network.load_state_dict(state["network"])
        for name, weight in self._network.named_parameters():
            weight.grad = state["gradients"].get(name)
        self._optimizers.load_state_dict(state["optimizers"])
        self._average.load_state_dict(state["average"])
        self._position = Position(**state["position"])
        self._history = [Epoch(**epoch) for epoch in state["history"]]
        self._best = None if state["best"] is None else Epoch(**state["best"])
        self._kept = state["kept"]
        restore_generators(state["generators"])


@contextmanager
def _tiny_is_zero() -> Iterator[None]:
    """Numbers below the least normal one, 1e-38, are zeros in this thread.

    Where gates have closed, gradients are such numbers, and a CPU computes with them many times
    slower than with others.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def fit(
    network: nn.Module,
    batches: Callable[[int], Iterable[Batch]],
    loss: Callable[[Batch], Tensor],
    score: Callable[[], float],
    options: Optimization,
    watch: Callable[[Epoch], None],
    slot: Slot | None,
    tables: Sequence[nn.Embedding] = (),
) -> Fitted:
    """Train `network` to the end, as `Trainer` does: from its first weights, or from a state.

    `slot` gives the state of an earlier run of the same training, and takes those of this one;
    None keeps no state. `watch` is told of the epochs before the state too.

    Raises:
        DivergedError: as `Trainer.run`; with a slot, the best epoch so far is written beside it.
        PipelineError: as `Trainer.run`.
    """
    trainer = Trainer(network, batches, loss, score, options, watch, tables)
    state = None if slot is None else slot.read()
    if state is not None:
        trainer.restore(state)
        for epoch in trainer.history:
            watch(epoch)
    try:
        return trainer.run(slot)
    except DivergedError as error:
        if slot is None or not trainer.kept:
            raise
        path = slot.keep(trainer.kept)
        raise DivergedError(
            f"{error} The weights of the best epoch so far are in {path}."
        ) from None
