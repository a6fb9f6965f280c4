"""Checkpoints: what is read is what was written, and nothing else is read."""

from pathlib import Path

import pytest
import torch
from torch import nn

from pipeline.errors import PipelineError
from pipeline.fit.checkpoint import load, save
from pipeline.fit.loop import Epoch, Fitted

FITTED = Fitted(Epoch(1, 0.5, 70.0, 3.2), (Epoch(1, 0.5, 70.0, 3.2),))


def test_round_trip(tmp_path: Path) -> None:
    network, other = nn.LSTM(3, 4), nn.LSTM(3, 4)
    save(network, FITTED, tmp_path / "seed-1")
    load(other, tmp_path / "seed-1")
    for name, value in network.state_dict().items():
        assert torch.equal(value, other.state_dict()[name])


def test_equal_networks_give_equal_bytes_however_long_they_took(tmp_path: Path) -> None:
    network = nn.Linear(3, 4)
    slower = Fitted(Epoch(1, 0.5, 70.0, 99.0), (Epoch(1, 0.5, 70.0, 99.0),))
    save(network, FITTED, tmp_path / "a")
    save(network, slower, tmp_path / "b")
    for name in ("weights.safetensors", "history.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_missing_damaged_and_foreign_weights_are_refused(tmp_path: Path) -> None:
    network = nn.Linear(3, 4)
    with pytest.raises(PipelineError, match="no such file"):
        load(network, tmp_path)
    save(network, FITTED, tmp_path)
    with pytest.raises(PipelineError, match="another network"):
        load(nn.Linear(3, 5), tmp_path)
    file = tmp_path / "weights.safetensors"
    file.write_bytes(file.read_bytes()[:-7])
    with pytest.raises(PipelineError, match="damaged"):
        load(network, tmp_path)
