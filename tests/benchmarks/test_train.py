"""What `benchmarks/train.py` prints, and that its profile gives time to the part that takes it."""

from itertools import groupby
from pathlib import Path

import pytest
import torch

from benchmarks import train
from benchmarks.training.profile import BATCHES, CRF, OPTIMIZER, Clock, Watched
from benchmarks.training.startup import FIRST, first_step
from pipeline.errors import PipelineError
from pipeline.systems.system import known_systems
from tests.systems.networks import make, make_batch

MEASURES = {
    train.speedup: {"speedup": 2.0},
    train.epoch: {"epoch_s": 6.0, "evaluate_s": 1.0, "peak_mb": 500},
    train.three_seeds_of_one: 1.5,
}


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every measure gives the same at once."""
    monkeypatch.setattr(train, "make_corpus", lambda data, folder: None)
    monkeypatch.setattr(train, "apart", lambda measure, *given: MEASURES[measure])
    monkeypatch.setattr(train, "start_s", lambda corpus: 4.0)


@pytest.mark.usefixtures("unmeasured")
def test_the_result_has_every_system_and_the_two_figures_of_all() -> None:
    found = train.main.main([], standalone_mode=False)
    of_each = {"speedup", "epoch_s", "of_cnn", "evaluate_s", "peak_mb"}
    assert list(found) == [*known_systems(), "three_seeds_of_one", "start_s"]
    assert {key for name in known_systems() for key in found[name]} == of_each
    assert found["cwi"]["of_cnn"] == 1.0


@pytest.mark.usefixtures("unmeasured")
def test_parts_are_measured_alone() -> None:
    words = ["--part", "steps", "--part", "start", "--system", "cwi"]
    assert train.main.main(words, standalone_mode=False) == {"cwi": {"speedup": 2.0}, "start_s": 4}


def test_a_measure_runs_in_a_process_with_one_thread() -> None:
    assert train.apart(torch.get_num_threads) == 1


class Told(Clock):
    """A clock that remembers whose turn it was."""

    def __init__(self) -> None:
        super().__init__()
        self.turns: list[str] = []

    def turn(self, part: str) -> str:
        self.turns.append(part)
        return super().turn(part)


def test_the_backward_pass_belongs_to_the_parts_of_the_forward_pass() -> None:
    torch.manual_seed(1)
    network = make("adaptive_coattention").train()
    clock = Told()
    watched, batch = Watched(network, clock), make_batch([True] * 4)
    for _ in range(2):  # the second time, nothing is left of the first
        clock.turns.clear()
        loss = watched.loss(batch)
        forward = [part for part, _ in groupby(clock.turns)]
        clock.turns.clear()
        loss.backward()
        backward = [part for part, _ in groupby(clock.turns)]
        assert [part for part in forward if part != "other layers"] == [
            *("words", "characters", "recurrent", "attention", CRF)
        ]
        assert backward[0] == CRF
        assert backward[-1] == OPTIMIZER
        assert backward.index("attention") < backward.index("recurrent")
        assert backward.index("recurrent") < backward.index("characters")
        assert set(backward) == {*forward, OPTIMIZER}
        assert BATCHES not in backward


def test_the_first_step_is_seen_in_the_bar_and_not_before() -> None:
    assert not FIRST.search(b"seed 1 epoch 1:   0%|     | 0/250 [00:00<?, ? batches/s]\r")
    assert FIRST.search(b"\rseed 1 epoch 1:   0%|     | 1/250 [00:00<00:42,  5.8 batches/s]")


def test_a_start_that_fails_says_what_the_stage_said(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="no such stage"):
        first_step(["sh", "-c", "echo no such stage"], tmp_path)
