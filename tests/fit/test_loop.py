"""The training loop: which epoch it keeps, when it stops, what it refuses."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.optim import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop

from pipeline.errors import PipelineError
from pipeline.fit.loop import DivergedError, Epoch, Fitted, fit
from pipeline.fit.optimization import build_optimizer, build_schedule, eager
from pipeline.fit.resume import Slot
from pipeline.params.optimization import Optimization
from tests.conftest import ROOT
from tests.systems.blocks import TRAINING

INPUTS = torch.randn(64, 3, generator=torch.Generator().manual_seed(7))
TARGETS = INPUTS @ torch.tensor([[1.0], [-2.0], [0.5]])


def options(**changes: object) -> Optimization:
    given = {"learning_rate": 0.1, "max_epochs": 6, "patience": 2, "optimizer": "sgd"}
    return Optimization.model_validate(TRAINING | given | changes)


def run(
    network: nn.Module,
    given: Optimization,
    score: Callable[[], float],
    watch: Callable[[Epoch], None] = lambda _: None,
) -> Fitted:
    def batches(epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        yield from zip(INPUTS.split(16), TARGETS.split(16), strict=True)

    def loss(batch: tuple[Tensor, Tensor]) -> Tensor:
        return ((network(batch[0]) - batch[1]) ** 2).mean()

    return fit(network, batches, loss, score, given, watch, None)


def test_it_learns_and_keeps_the_best_epochs_weights() -> None:
    network, scores, weights = nn.Linear(3, 1), iter([1.0, 5.0, 3.0, 4.0]), []

    def score() -> float:
        weights.append(network.weight.detach().clone())
        return next(scores)

    fitted = run(network, options(), score)
    assert fitted.best.epoch == 2
    assert [epoch.score for epoch in fitted.history] == [1.0, 5.0, 3.0, 4.0]  # patience 2
    assert torch.equal(network.weight, weights[1])
    assert not torch.equal(weights[1], weights[3])
    assert fitted.history[-1].loss < fitted.history[0].loss / 10


def test_a_tie_keeps_the_earlier_epoch_and_counts_as_no_progress() -> None:
    fitted = run(nn.Linear(3, 1), options(patience=3), lambda: 2.0)
    assert (fitted.best.epoch, len(fitted.history)) == (1, 4)


def test_patience_begins_with_the_first_score() -> None:
    scores = iter([0.0, 0.0, 0.0, 0.0, 3.0, 2.0, 2.0, 9.0])
    fitted = run(nn.Linear(3, 1), options(max_epochs=8), lambda: next(scores))
    assert (fitted.best.epoch, len(fitted.history)) == (5, 7)


def test_dropout_is_on_in_training_and_off_in_scoring() -> None:
    network, modes = nn.Sequential(nn.Linear(3, 1)), []
    network.register_forward_hook(lambda *_: modes.append(network.training))

    def score() -> float:
        network(INPUTS)
        return 0.0

    run(network, options(max_epochs=1), score)
    assert modes == [True] * 4 + [False]
    assert not network.training


def test_a_loss_that_is_no_number_stops_with_advice() -> None:
    with pytest.raises(PipelineError, match=r"epoch \d, batch \d: the loss is .*learning_rate"):
        run(nn.Linear(3, 1), options(learning_rate=1e30), lambda: 0.0)


def test_averaging_scores_and_keeps_the_average_of_the_weights() -> None:
    plain, averaged = nn.Linear(3, 1), nn.Linear(3, 1)
    averaged.load_state_dict(plain.state_dict())
    first = plain.weight.detach().clone()
    path, scored = [], []

    def follow() -> float:  # one step an epoch, so that each weight is seen
        path.append(plain.weight.detach().clone())
        return float(len(path))

    def look() -> float:
        scored.append(averaged.weight.detach().clone())
        return float(len(scored))

    def loss_of(network: nn.Module) -> Callable[[Tensor], Tensor]:
        return lambda inputs: ((network(inputs) - TARGETS) ** 2).mean()

    def batches(epoch: int) -> list[Tensor]:
        return [INPUTS]

    fit(plain, batches, loss_of(plain), follow, options(), lambda _: None, None)
    given = options(averaging=0.3)
    fit(averaged, batches, loss_of(averaged), look, given, lambda _: None, None)
    expected = first
    for t, weight in enumerate(path, start=1):
        decay = min(0.3, (1 + t) / (10 + t))
        expected = decay * expected + (1 - decay) * weight
        torch.testing.assert_close(scored[t - 1], expected)
    torch.testing.assert_close(averaged.weight, expected)


@pytest.mark.parametrize("fails", [False, True])
def test_in_training_alone_are_numbers_zeros_that_are_too_small_to_be_normal(fails: bool) -> None:
    """A CPU is slow with them, and with gates that have closed there are many."""
    seen = []

    def score() -> float:
        seen.append(quarter_of_the_least())
        if fails:
            raise RuntimeError("no score")
        return 1.0

    if fails:
        with pytest.raises(RuntimeError, match="no score"):
            run(nn.Linear(3, 1), options(max_epochs=1), score)
    else:
        run(nn.Linear(3, 1), options(max_epochs=1), score)
    assert seen == [0.0]
    assert quarter_of_the_least() > 0


def quarter_of_the_least() -> float:
    return float(torch.tensor(torch.finfo(torch.float32).tiny) * 0.25)


def test_an_epoch_without_batches_is_refused() -> None:
    with pytest.raises(PipelineError, match="no batch"):
        fit(nn.Linear(1, 1), lambda _: [], lambda _: torch.zeros(()), float, options(), print, None)


def test_clipping_bounds_the_step() -> None:
    network = nn.Linear(3, 1)
    before = network.weight.detach().clone()
    run(network, options(clip_norm=1e-3, max_epochs=1), lambda: 0.0)
    assert (network.weight - before).norm() <= 4 * 0.1 * 1e-3 + 1e-6  # four steps


def test_the_rate_decays_by_epoch() -> None:
    optimizer = build_optimizer(list(nn.Linear(1, 1).parameters()), options(decay=0.5))
    schedule, rates = build_schedule(optimizer, options(decay=0.5)), []
    for _ in range(3):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates == pytest.approx([0.1, 0.1 / 1.5, 0.1 / 2])


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "rmsprop", "adagrad"])
def test_every_optimizer_trains_what_is_trainable(name: str) -> None:
    network = nn.Linear(3, 1)
    network.bias.requires_grad_(False)
    bias = network.bias.detach().clone()
    fitted = run(network, options(optimizer=name, learning_rate=0.02), lambda: 0.0)
    assert fitted.history[-1].loss < fitted.history[0].loss
    assert torch.equal(network.bias, bias)


@pytest.mark.parametrize("accumulate", [1, 2, 3, 9])
def test_accumulated_gradients_are_averaged_over_the_batches_of_a_step(accumulate: int) -> None:
    network, literal = nn.Linear(3, 1), nn.Linear(3, 1)
    literal.load_state_dict(network.state_dict())
    run(network, options(accumulate=accumulate, max_epochs=2, clip_norm=1.0), lambda: 1.0)
    first = network.weight.detach().clone()
    # The loop keeps the first epoch, the better of two equal ones: four batches of 16.
    optimizer = torch.optim.SGD(literal.parameters(), 0.1)
    batches = list(zip(INPUTS.split(16), TARGETS.split(16), strict=True))
    for start in range(0, len(batches), accumulate):
        group = batches[start : start + accumulate]
        optimizer.zero_grad()
        losses = [((literal(x) - y) ** 2).mean() for x, y in group]
        torch.stack(losses).mean().backward()
        nn.utils.clip_grad_norm_(literal.parameters(), 1.0)
        optimizer.step()
    torch.testing.assert_close(first, literal.weight)


@pytest.mark.parametrize("kind", [Adam, AdamW, SGD, RMSprop, Adagrad])
def test_an_eager_optimizer_takes_the_same_steps(kind: type[Optimizer]) -> None:
    network, other = nn.Linear(3, 1), nn.Linear(3, 1)
    other.load_state_dict(network.state_dict())
    for trained, of in ((network, kind), (other, eager(kind))):
        optimizer = of(trained.parameters(), lr=0.1, weight_decay=0.01)  # type: ignore[call-arg,operator]
        for inputs, targets in zip(INPUTS.split(16), TARGETS.split(16), strict=True):
            trained.zero_grad()
            ((trained(inputs) - targets) ** 2).mean().backward()
            optimizer.step()
    for weight, expected in zip(other.parameters(), network.parameters(), strict=True):
        assert torch.equal(weight, expected)
        assert weight.requires_grad


def test_training_does_not_import_torchs_compiler() -> None:
    code = """
import sys
from tests.fit.test_loop import options, run
from torch import nn
for name in ("adam", "adamw", "sgd", "rmsprop", "adagrad"):
    run(nn.Linear(3, 1), options(optimizer=name, max_epochs=2, clip_norm=1.0), float)
assert "torch._dynamo" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_brief_numbers_train_as_well() -> None:
    """The products are of bfloat16; what the weights are kept in is not."""
    seen = []

    class Noted(nn.Linear):
        def forward(self, given: Tensor) -> Tensor:
            found = super().forward(given)
            seen.append(found.dtype)
            return found

    network = Noted(3, 1)
    fitted = run(network, options(precision="bfloat16"), lambda: 1.0)
    assert set(seen) == {torch.bfloat16}
    assert network.weight.dtype == torch.float32
    assert fitted.history[-1].loss < fitted.history[0].loss / 10


def test_what_diverges_leaves_the_best_epoch(tmp_path: Path) -> None:
    network, losses = nn.Linear(3, 1), iter([1.0] * 8 + [float("nan")])
    weights = []

    def batches(epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        yield from zip(INPUTS.split(16), TARGETS.split(16), strict=True)

    def loss(batch: tuple[Tensor, Tensor]) -> Tensor:
        return network(batch[0]).mean() * next(losses)  # type: ignore[no-any-return]

    def score() -> float:
        weights.append(network.weight.detach().clone())
        return 2.0 - len(weights)

    slot = Slot(tmp_path / "seed-1.pt", "key", 1e9, print)
    with pytest.raises(DivergedError, match="epoch 3, batch 1: the loss is nan") as raised:
        fit(network, batches, loss, score, options(), lambda _: None, slot)
    kept = tmp_path / "seed-1.best.safetensors"
    assert str(raised.value).endswith(f"The weights of the best epoch so far are in {kept}.")
    assert torch.equal(load_file(kept)["weight"], weights[0])
    losses = iter([float("nan")])
    with pytest.raises(DivergedError, match=r"set training\.clip_norm\.$"):  # before any epoch
        fit(network, batches, loss, score, options(), lambda _: None, slot)
