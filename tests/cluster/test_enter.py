"""A cluster that does not answer is told of in a sentence; Ray alone would try for minutes."""

import socket
from collections.abc import Iterator

import pytest
import ray

from pipeline.cluster.enter import cluster
from pipeline.errors import PipelineError


@pytest.fixture
def closed() -> Iterator[int]:
    """A port of this machine at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.mark.parametrize("prefix", ["", "ray://"])
def test_an_address_where_nobody_listens(
    closed: int, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", f"{prefix}127.0.0.1:{closed}")
    monkeypatch.setattr(ray, "init", lambda **_: pytest.fail("Ray was asked"))
    message = rf"RAY_ADDRESS: no Ray cluster answers at '{prefix}127.0.0.1:{closed}'.*unset"
    with pytest.raises(PipelineError, match=message), cluster():
        pytest.fail("entered a cluster that is not there")


def test_a_cluster_that_ray_does_not_find(monkeypatch: pytest.MonkeyPatch) -> None:
    def init(**_: object) -> None:
        raise ConnectionError("Could not find any running Ray instance.")

    monkeypatch.setenv("RAY_ADDRESS", "auto")
    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(PipelineError, match="Could not find any running"), cluster():
        pytest.fail("entered a cluster that is not there")
