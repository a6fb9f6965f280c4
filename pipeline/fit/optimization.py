"""The optimizer and the schedule that the block `Optimization` asks for."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn
from torch.optim import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop
from torch.optim.lr_scheduler import LambdaLR

from pipeline.params.optimization import Optimization


def build_optimizer(parameters: Iterable[nn.Parameter], options: Optimization) -> Optimizer:
    """The optimizer that `options` names over the parameters that are trained."""
    trained = [p for p in parameters if p.requires_grad]
    rate, weight_decay = options.learning_rate, options.weight_decay
    # Fused: one pass over the weights. On a CPU it takes a quarter of the time, of which the table
    # of word vectors needs most.
    match options.optimizer:
        case "adam":
            return Adam(trained, rate, weight_decay=weight_decay, fused=True)
        case "adamw":
            return AdamW(trained, rate, weight_decay=weight_decay, fused=True)
        case "sgd":
            return SGD(trained, rate, momentum=options.momentum, weight_decay=weight_decay)
        case "rmsprop":
            return RMSprop(trained, rate, momentum=options.momentum, weight_decay=weight_decay)
        case "adagrad":
            # Epsilon as Moon et al. 2018 set it.
            return Adagrad(trained, rate, weight_decay=weight_decay, eps=1e-8, fused=True)


def build_schedule(optimizer: Optimizer, options: Optimization) -> LambdaLR:
    """The learning rate by epoch: stepped once after each."""
    return LambdaLR(optimizer, lambda epoch: 1.0 / (1.0 + options.decay * epoch))
