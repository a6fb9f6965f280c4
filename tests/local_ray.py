"""A Ray cluster on this machine, for the tests of the two engines that fill a store on one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil
import ray

from tests.conftest import ROOT


@contextmanager
def three_cpus() -> Iterator[None]:
    """Ray counts three CPUs: two for actors, one to decode."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(
        num_cpus=3,
        num_gpus=0,
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=100_000_000,
        runtime_env={"env_vars": {"PYTHONPATH": str(ROOT)}},
    )
    try:
        yield
    finally:
        ray.shutdown()


def actors(kind: str) -> set[int]:
    """The running processes of this cluster that are actors of a class."""
    found = set()
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it may have ended meanwhile, or be a zombie
            if f"ray::{kind}" in " ".join(process.cmdline()):
                found.add(process.pid)
    return found
