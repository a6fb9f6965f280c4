"""A trainer whose state was put back goes on to the same bits, wherever it was taken."""

import io
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pipeline.fit.batching import shuffled
from pipeline.fit.loop import Epoch, Fitted, Trainer
from pipeline.fit.optimization import Optimization
from tests.systems.blocks import TRAINING

INPUTS = torch.randn(90, 6, generator=torch.Generator().manual_seed(7))
TARGETS = INPUTS @ torch.randn(6, 1, generator=torch.Generator().manual_seed(8))
LENGTHS = np.random.default_rng(0).integers(1, 9, len(INPUTS))
SETTINGS: list[dict[str, object]] = [
    {"optimizer": "adam", "decay": 0.1, "averaging": 0.9, "clip_norm": 1.0},
    {"optimizer": "adamw", "weight_decay": 0.1, "accumulate": 4},
    {"optimizer": "sgd", "momentum": 0.9, "accumulate": 3, "averaging": 0.5},
    {"optimizer": "rmsprop", "momentum": 0.5},
    {"optimizer": "adagrad"},
]
Batch = tuple[Tensor, Tensor]


def start(
    settings: dict[str, object], seed: int, watch: Callable[[Epoch], None] = lambda _: None
) -> tuple[nn.Module, Trainer[Batch]]:
    """A network with dropout and running statistics, and its trainer; nothing is trained yet."""
    torch.manual_seed(seed)
    network = nn.Sequential(
        nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.4), nn.ReLU(), nn.Linear(8, 1)
    )

    def batches(epoch: int) -> Iterator[Batch]:
        for places in shuffled(LENGTHS, 10, np.random.default_rng([3, epoch])):
            yield INPUTS[places], TARGETS[places]

    def loss(batch: Batch) -> Tensor:
        found: Tensor = ((network(batch[0]) - batch[1]) ** 2).mean()
        return found

    def score() -> float:
        return 10 - float(((network(INPUTS) - TARGETS) ** 2).mean())

    options = Optimization.model_validate(
        TRAINING | {"learning_rate": 0.02, "max_epochs": 5, "patience": 2} | settings
    )
    return network, Trainer(network, batches, loss, score, options, watch)


def through_bytes(state: dict[str, Any]) -> dict[str, Any]:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    read: dict[str, Any] = torch.load(file, weights_only=True)
    return read


def results(network: nn.Module, fitted: Fitted) -> tuple[Any, ...]:
    weights = {name: value.numpy().tobytes() for name, value in network.state_dict().items()}
    history = [(epoch.epoch, epoch.loss, epoch.score) for epoch in fitted.history]
    return weights, history, fitted.best.epoch


def resumed(settings: dict[str, object], state: dict[str, Any]) -> tuple[Any, ...]:
    network, trainer = start(settings, seed=99)  # other first weights, another generator
    torch.rand(5)
    trainer.restore(through_bytes(state))
    return results(network, trainer.run())


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: settings["optimizer"])
def test_it_goes_on_from_an_epochs_end(settings: dict[str, object]) -> None:
    network, trainer = start(settings, 1, lambda _: states.append(trainer.state()))
    states = [trainer.state()]
    expected = results(network, trainer.run())
    assert len(states) > 3
    for state in states:  # from before the first epoch to behind the last
        assert resumed(settings, state) == expected


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: settings["optimizer"])
@pytest.mark.parametrize("done", [1, 5, 8])  # of nine batches
def test_it_goes_on_from_the_middle_of_an_epoch(settings: dict[str, object], done: int) -> None:
    network, trainer = start(settings, seed=1)
    expected = results(network, trainer.run())
    _, trainer = start(settings, seed=1)
    trainer.epoch()
    for batch in islice(trainer.rest(), done):
        trainer.step(batch)
    state = trainer.state()
    assert resumed(settings, state) == expected
    trainer.run()  # a state is a copy: what is trained afterwards does not change it
    assert resumed(settings, state) == expected


def test_the_generator_is_part_of_the_state() -> None:
    network, trainer = start(SETTINGS[0], seed=1)
    expected = results(network, trainer.run())
    _, trainer = start(SETTINGS[0], seed=1)
    trainer.epoch()
    state = trainer.state()
    state["generators"]["cpu"] = torch.Generator().manual_seed(5).get_state()
    assert resumed(SETTINGS[0], state) != expected
