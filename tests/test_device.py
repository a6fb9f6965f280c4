"""Where networks run: which threads torch computes with."""

import os
from collections.abc import Iterator

import pytest
import torch

from pipeline.device import WORKSPACE, find_device, steady_device
from pipeline.errors import PipelineError


@pytest.fixture(autouse=True)
def _three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_training_has_one_thread_on_the_cpu_and_extraction_has_all() -> None:
    assert find_device("cpu") == torch.device("cpu")
    assert torch.get_num_threads() == 3
    assert steady_device("cpu", deterministic=False) == torch.device("cpu")
    assert torch.get_num_threads() == 1


def test_kernels_that_keep_the_order_are_asked_for_on_cuda_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(torch, "use_deterministic_algorithms", asked.append)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.delenv(WORKSPACE, raising=False)
    steady_device("cpu", deterministic=True)
    steady_device("cuda", deterministic=False)
    assert (asked, WORKSPACE in os.environ) == ([], False)
    steady_device("cuda", deterministic=True)
    assert (asked, os.environ[WORKSPACE]) == ([True], ":4096:8")


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(PipelineError, match=r"runtime\.device: 'gpu' is no device"):
        steady_device("gpu", deterministic=False)
    assert torch.get_num_threads() == 3
