"""Entering a Ray cluster, and leaving it."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import ray

from pipeline.errors import PipelineError

KNOCKING = 10  # seconds until a cluster that does not answer is given up


@contextmanager
def cluster() -> Iterator[None]:
    """Enter the cluster of this process, or the one that RAY_ADDRESS names, or a new one here.

    Raises:
        PipelineError: if nobody answers at RAY_ADDRESS.
    """
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    address = os.environ.get("RAY_ADDRESS", "")
    try:
        _knock(address)
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.WARNING)
    except OSError as error:  # ConnectionError is one, too
        raise PipelineError(
            f"RAY_ADDRESS: no Ray cluster answers at {address!r} ({error}). Start one there (`ray"
            " start --head`), or unset RAY_ADDRESS and use this machine alone"
        ) from None
    try:
        yield
    finally:
        ray.shutdown()  # this ends the actors, too


def _knock(address: str) -> None:
    """Connect to HOST:PORT and hang up; Ray itself tries for minutes and then ends the process.

    Raises:
        OSError: if nobody answers.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), KNOCKING).close()
