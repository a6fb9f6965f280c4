"""How a network is optimised: the block that everything trained shares."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from pipeline.params.block import Block


class Optimization(Block):
    """Optimizer, its rate, and when to stop."""

    optimizer: Literal["adam", "adamw", "sgd", "rmsprop", "adagrad"]
    learning_rate: float = Field(gt=0)
    momentum: float = Field(ge=0, lt=1)  # sgd and rmsprop read it
    weight_decay: float = Field(ge=0)
    decay: float = Field(ge=0)  # the rate of epoch e, from 0, is learning_rate / (1 + decay e)
    clip_norm: float | None = Field(gt=0)  # greatest norm of all gradients together; None: any
    averaging: float = Field(ge=0, lt=1)  # decay of the weights' moving average; 0: no average
    batch_posts: int = Field(ge=1)
    accumulate: int = Field(ge=1)  # one step averages the gradients of so many batches
    max_epochs: int = Field(ge=1)
    patience: int = Field(ge=1)  # epochs without a better dev score before training stops
    table: Literal["dense", "touched"]  # rows of word vectors that a step moves: all, or its own
    precision: Literal["float32", "bfloat16"]  # of the products; the CRF keeps its own

    @model_validator(mode="after")
    def _touched_rows_have_no_other_motion(self) -> Optimization:
        if self.table == "dense":
            return self
        if self.optimizer == "rmsprop" or (self.optimizer == "sgd" and self.momentum > 0):
            raise ValueError(
                f"table: touched is for adam, adamw, adagrad, and sgd without momentum, not for "
                f"{self.optimizer}: set table: dense"
            )
        if self.weight_decay > 0:
            raise ValueError("table: touched takes no weight_decay, which moves every row")
        return self
