"""The optimizer and the schedule that the block `Optimization` asks for."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn
from torch.optim import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop
from torch.optim.lr_scheduler import LambdaLR

from pipeline.params.optimization import Optimization

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
    trained = [p for p in parameters if p.requires_grad]
    rate, weight_decay = options.learning_rate, options.weight_decay
    # A fused optimizer passes over the weights once. On a CPU it takes a quarter of the time of the
    # others; most of it goes to the table of word vectors.
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
            # Moon et al. 2018 set this epsilon.
            return Adagrad(trained, rate, weight_decay=weight_decay, eps=1e-8, fused=True)


def build_schedule(optimizer: Optimizer, options: Optimization) -> LambdaLR:
    """The learning rate of each epoch; the schedule is stepped once after each."""
    return LambdaLR(optimizer, lambda epoch: 1.0 / (1.0 + options.decay * epoch))
