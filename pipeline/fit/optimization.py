"""The optimizer and the schedule that the block `Optimization` asks for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop, SparseAdam
from torch.optim.lr_scheduler import LambdaLR

from pipeline.errors import PipelineError
from pipeline.params.optimization import Optimization

# A fused optimizer passes over the weights once. On a CPU it takes a quarter of the time of the
# others; most of it goes to the table of word vectors. Moon et al. 2018 set Adagrad's epsilon.
# RMSprop has Keras's decay and epsilon: Zhang et al. 2018, who print neither, wrote theirs in it.
_KINDS: dict[str, tuple[type[Optimizer], dict[str, Any]]] = {
    "adam": (Adam, {"fused": True}),
    "adamw": (AdamW, {"fused": True}),
    "sgd": (SGD, {}),
    "rmsprop": (RMSprop, {"alpha": 0.9, "eps": 1e-7}),
    "adagrad": (Adagrad, {"eps": 1e-8, "fused": True}),
}

# Optimizers that divide a gradient by its own size: a step is as wide as the learning rate.
NORMALIZED = ("adam", "adamw", "rmsprop")
LARGE_STEP = 0.05


def risks(options: Optimization) -> list[str]:
    """Sentences that say what is known to go wrong in practice with these settings."""
    if options.optimizer in NORMALIZED and options.learning_rate > LARGE_STEP:
        return [
            f"{options.optimizer} moves every weight by about its learning rate at each step, and "
            f"{options.learning_rate} is more than most weights are large: expect training to "
            "diverge or to learn nothing; the preset `tuned` trains"
        ]
    return []


class Optimizers:
    """What moves a network's weights: one optimizer for all, and perhaps another for its tables.

    With `options.table` dense, a step moves every row of a table of vectors, as it moves every
    other weight. With `touched` it moves the rows that its batches read: their gradients are sparse
    and other rows cost nothing. For adagrad, and for sgd without momentum, that is the same, as a
    row without a gradient stays where it is, and dense is computed so too. For adam it is another
    rule, torch's SparseAdam (the "lazy" Adam): a row that is not read keeps its weights and its
    moments, where the dense rule lets the moments decay and move it on.

    Args:
        network: its trained weights.
        tables: those of its modules that hold a row a word.
        options: optimizer, rates, and how tables move.

    Raises:
        PipelineError: if rows are to be touched alone, and there is no table.
    """

    def __init__(
        self, network: nn.Module, tables: Iterable[nn.Embedding], options: Optimization
    ) -> None:
        self.tables: list[Tensor] = []
        if options.table == "touched" or still_without_gradient(options):
            for table in tables:
                table.sparse = True
                self.tables.append(table.weight)
        if self.tables:  # torch wants to be told whether it should check each sparse tensor
            torch.sparse.check_sparse_tensor_invariants.disable()
        if options.table == "touched" and not self.tables:
            raise PipelineError(
                "training.table: touched, but this network has no word table: set it to dense"
            )
        held = {id(weight) for weight in self.tables}
        others = [w for w in network.parameters() if w.requires_grad and id(w) not in held]
        self._held = [build_optimizer(others, options)]
        if self.tables:
            self._held.append(_build_sparse(self.tables, options))
        self._schedules = [build_schedule(optimizer, options) for optimizer in self._held]

    def step(self) -> None:
        """Move the weights by their gradients."""
        for optimizer in self._held:
            optimizer.step()

    def end_epoch(self) -> None:
        """Take the rate of the next epoch."""
        for schedule in self._schedules:
            schedule.step()

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` takes over."""
        return {
            "optimizers": [optimizer.state_dict() for optimizer in self._held],
            "schedules": [schedule.state_dict() for schedule in self._schedules],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from the state of others, of the same network and options."""
        for optimizer, held in zip(self._held, state["optimizers"], strict=True):
            optimizer.load_state_dict(held)
        for schedule, held in zip(self._schedules, state["schedules"], strict=True):
            schedule.load_state_dict(held)


def still_without_gradient(options: Optimization) -> bool:
    """Whether the dense rule leaves a row without a gradient where it is, and its moments too."""
    plain = options.optimizer == "sgd" and options.momentum == 0
    return (plain or options.optimizer == "adagrad") and options.weight_decay == 0


def build_optimizer(weights: Sequence[Tensor], options: Optimization) -> Optimizer:
    """The optimizer that `options` names over weights with dense gradients."""
    kind, further = _KINDS[options.optimizer]
    if options.optimizer in ("sgd", "rmsprop"):
        further = further | {"momentum": options.momentum}
    rate, weight_decay = options.learning_rate, options.weight_decay
    return eager(kind)(weights, rate, weight_decay=weight_decay, **further)


def _build_sparse(tables: Sequence[Tensor], options: Optimization) -> Optimizer:
    """The same over tables whose gradients are sparse."""
    if options.optimizer in ("adam", "adamw"):
        return eager(SparseAdam)(tables, options.learning_rate)
    kind, further = _KINDS[options.optimizer]
    return eager(kind)(tables, options.learning_rate, **further | {"fused": False})


def clip(weights: Iterable[nn.Parameter], limit: float) -> None:
    """Scale all gradients by one factor, so that their norm together is at most `limit`."""
    gradients = []
    for weight in weights:
        if weight.grad is None:
            continue
        if weight.grad.is_sparse:
            weight.grad = weight.grad.coalesce()  # one row for each that was read
            gradients.append(weight.grad.values())
        else:
            gradients.append(weight.grad)
    norm = nn.utils.get_total_norm(gradients)
    torch._foreach_mul_(gradients, (limit / (norm + 1e-6)).clamp(max=1.0))


def eager(kind: type[Optimizer]) -> Callable[..., Optimizer]:
    """The same optimizer without what torch.compile needs of it.

    torch wraps these two methods so that a compiled graph breaks at them. The wrappers import
    torch's compiler at the first call, which takes longer than an epoch on a small corpus.
    """
    methods = {
        "add_param_group": inspect.unwrap(kind.add_param_group),
        "step": torch.no_grad()(inspect.unwrap(kind.step)),
    }
    return type(kind.__name__, (kind,), methods)


def build_schedule(optimizer: Optimizer, options: Optimization) -> LambdaLR:
    """The learning rate of each epoch; the schedule is stepped once after each."""
    return LambdaLR(optimizer, lambda epoch: 1.0 / (1.0 + options.decay * epoch))
