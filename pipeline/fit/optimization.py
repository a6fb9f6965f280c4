"""The optimizer and the schedule that the block `Optimization` asks for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.optim import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop
from torch.optim.lr_scheduler import LambdaLR

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


def build_optimizer(parameters: Iterable[nn.Parameter], options: Optimization) -> Optimizer:
    """The optimizer that `options` names over the parameters that are trained."""
    kind, further = _KINDS[options.optimizer]
    if options.optimizer in ("sgd", "rmsprop"):
        further = further | {"momentum": options.momentum}
    trained = [p for p in parameters if p.requires_grad]
    rate, weight_decay = options.learning_rate, options.weight_decay
    return eager(kind)(trained, rate, weight_decay=weight_decay, **further)


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
