"""Where networks run: which threads torch computes with."""

from collections.abc import Iterator

import pytest
import torch

from pipeline.device import find_device, steady_device
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
    assert steady_device("cpu") == torch.device("cpu")
    assert torch.get_num_threads() == 1


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(PipelineError, match=r"runtime\.device: 'gpu' is no device"):
        steady_device("gpu")
    assert torch.get_num_threads() == 3
