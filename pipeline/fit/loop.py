"""The one training loop: optimise a loss over batches, keep the epoch that dev likes best."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from pipeline.errors import PipelineError
from pipeline.fit.averaging import Average
from pipeline.fit.optimization import build_optimizer, build_schedule
from pipeline.params.optimization import Optimization

Batch = TypeVar("Batch")


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to."""

    epoch: int  # from 1
    loss: float  # mean over the epoch's batches
    score: float  # on dev; larger is better
    seconds: float


@dataclass(frozen=True)
class Fitted:
    """The end of a training run; the network holds the best epoch's weights."""

    best: Epoch
    history: tuple[Epoch, ...]


def fit(
    network: nn.Module,
    batches: Callable[[int], Iterable[Batch]],
    loss: Callable[[Batch], Tensor],
    score: Callable[[], float],
    options: Optimization,
    watch: Callable[[Epoch], None],
) -> Fitted:
    """Train `network` and leave it with the weights of its best epoch by dev score.

    Args:
        network: what is trained, on its device already.
        batches: the training batches of an epoch, counted from 1.
        loss: of one batch, a scalar with a graph.
        score: of the network on dev; called once an epoch, in eval mode, with its averaged
            weights if `options` ask for averaging.
        options: optimizer, rates and stopping.
        watch: is told of each epoch as it ends.

    Raises:
        PipelineError: when the loss is no number any more (the learning rate is too high), or
            an epoch has no batch.
    """
    optimizer = build_optimizer(network.parameters(), options)
    schedule = build_schedule(optimizer, options)
    average = Average(network, options.averaging)

    def step(batches: int) -> None:
        for weight in network.parameters():
            if batches > 1 and weight.grad is not None:
                weight.grad /= batches
        if options.clip_norm is not None:
            nn.utils.clip_grad_norm_(network.parameters(), options.clip_norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        average.update()

    history: list[Epoch] = []
    best, kept = None, {}
    for number in range(1, options.max_epochs + 1):
        started = time.monotonic()
        network.train()
        mean = _train_epoch(batches(number), loss, step, number, options.accumulate)
        schedule.step()
        network.eval()
        with torch.no_grad(), average.lent():
            reached = score()
            state = {name: value.detach().clone() for name, value in network.state_dict().items()}
        history.append(Epoch(number, mean, reached, time.monotonic() - started))
        watch(history[-1])
        if best is None or reached > best.score:
            best, kept = history[-1], state
        elif best.score > 0 and number - best.epoch >= options.patience:
            break  # before dev scores anything at all, there is nothing to lose patience with
    assert best is not None  # max_epochs is at least 1
    network.load_state_dict(kept)
    network.eval()
    return Fitted(best, tuple(history))


def _train_epoch(
    batches: Iterable[Batch],
    loss: Callable[[Batch], Tensor],
    step: Callable[[int], None],
    epoch: int,
    accumulate: int,
) -> float:
    """One pass over the batches, a step behind each `accumulate` of them; the mean loss.

    The epoch's last step may be of fewer.
    """
    total, count, waiting = 0.0, 0, 0
    for batch in batches:
        value = loss(batch)
        if not math.isfinite(value.item()):
            raise PipelineError(
                f"epoch {epoch}, batch {count + 1}: the loss is {value.item()}. Training "
                "diverged: lower training.learning_rate or set training.clip_norm."
            )
        value.backward()
        total, count, waiting = total + value.item(), count + 1, waiting + 1
        if waiting == accumulate:
            step(waiting)
            waiting = 0
    if waiting:
        step(waiting)
    if not count:
        raise PipelineError(f"epoch {epoch} has no batch: the training split is empty")
    return total / count
