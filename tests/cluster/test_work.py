"""How many actors a cluster gets."""

import pytest
import ray

from pipeline.cluster.work import _size
from pipeline.errors import PipelineError
from tests.blocks import quiet


@pytest.mark.parametrize(
    ("cpus", "gpus", "device", "actors", "prepares", "expected"),
    [
        (4, 0, "auto", None, False, (4, 0)),
        (4, 0, "auto", None, True, (2, 0)),
        (1, 0, "cpu", None, False, (1, 0)),
        (4, 2, "auto", None, True, (2, 1)),
        (4, 2, "cpu", 3, True, (3, 0)),
        (4, 0, "cpu", 4, False, (4, 0)),
        (4, 0, "cpu", 4, True, "4 actors and a CPU to decode do not fit"),
        (4, 0, "cpu", 5, False, "5 actors do not fit into the cluster's 4 CPUs"),
        (1, 0, "cpu", None, True, "1 actors and a CPU to decode do not fit"),
        (4, 1, "cuda", 2, False, "2 actors do not fit into the cluster's 4 CPUs and 1 GPUs"),
        (4, 0, "cuda", None, False, "the cluster has no GPU"),
    ],
)
def test_actors_fit_into_the_cluster(
    cpus: int,
    gpus: int,
    device: str,
    actors: int | None,
    prepares: bool,
    expected: tuple[int, int] | str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": cpus, "GPU": gpus})
    runtime = quiet(device=device, actors=actors)
    if isinstance(expected, str):
        with pytest.raises(PipelineError, match=expected):
            _size(runtime, prepares)
    else:
        assert _size(runtime, prepares) == expected
