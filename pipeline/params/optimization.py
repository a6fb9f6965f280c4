"""How a network is optimised: the block that everything trained shares."""

from typing import Literal

from pydantic import Field

from pipeline.params.block import Block

# Optimizers that divide a gradient by its own size: a step is as wide as the learning rate.
NORMALIZED = ("adam", "adamw", "rmsprop")
LARGE_STEP = 0.05


class Optimization(Block):
    """Optimizer, its rate, and when to stop."""

    optimizer: Literal["adam", "adamw", "sgd", "rmsprop", "adagrad"] = "adam"
    learning_rate: float = Field(gt=0)
    momentum: float = Field(0.0, ge=0, lt=1)  # sgd and rmsprop
    weight_decay: float = Field(0.0, ge=0)
    decay: float = Field(0.0, ge=0)  # the rate at epoch e, from 0, is learning_rate / (1 + decay e)
    clip_norm: float | None = Field(None, gt=0)  # largest norm of all gradients together
    averaging: float = Field(0.0, ge=0, lt=1)  # of the weights; near 1: over many steps; 0: none
    batch_posts: int = Field(16, ge=1)
    accumulate: int = Field(1, ge=1)  # batches whose gradients are averaged for one step
    max_epochs: int = Field(ge=1)
    patience: int = Field(ge=1)  # epochs without a better dev score before training stops

    def risks(self) -> list[str]:
        """What is known to go wrong in practice with these settings, a sentence each."""
        if self.optimizer in NORMALIZED and self.learning_rate > LARGE_STEP:
            return [
                f"{self.optimizer} moves every weight by about its learning rate at each step, and "
                f"{self.learning_rate} is more than most weights are large: expect training to "
                "diverge or to learn nothing; the preset `tuned` trains"
            ]
        return []
