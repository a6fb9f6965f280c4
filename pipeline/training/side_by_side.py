"""Trainings that do not depend on each other: several at once on a CPU, in turn on a GPU."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

import torch

from pipeline.parallel import Say, cores, map_in_processes
from pipeline.params.runtime import Runtime
from pipeline.progress import Mode

A = TypeVar("A")
R = TypeVar("R")


def side_by_side(
    train: Callable[[A, Mode, Say], R],
    items: Sequence[A],
    device: torch.device,
    runtime: Runtime,
    say: Say,
) -> Generator[R, None, None]:
    """Yield what `train` gives for each item, in the order of `items`.

    On a CPU the trainings run in `runtime.processes` processes, or as many as `at_once` tells for
    the cores that this process may use; each computes with one thread, so that the numbers are the
    same in any case.

    Args:
        train: is given an item, how progress is shown, and what takes a line.
        items: the trainings.
        device: `steady_device` found it, before torch computed anything.
        runtime: several bars would overwrite each other: beside others, a training shows none.
        say: is told a line at a time.

    Raises:
        PipelineError: as `train` raises it, and as `map_in_processes` does.
    """
    processes, bar = 1, runtime.progress
    if device.type == "cpu":
        processes = min(runtime.processes or at_once(len(items), cores()), len(items))
    if processes > 1:
        bar = "none"
    yield from map_in_processes(
        lambda item, tell: train(item, bar, tell), items, processes=processes, say=say
    )


def at_once(trainings: int, cores: int) -> int:
    """How many trainings of one length should run at a time, so that all have ended soonest.

    Three on two cores take 2 by turns, two and then one, but 1.5 if they share the cores. At most
    one less than twice the cores run at a time, since each holds memory of its own.
    """

    def length(processes: int) -> float:
        """Of all trainings, where one takes 1 alone on a core."""
        rounds, rest = divmod(trainings, processes)
        return rounds * processes / cores + (max(1, rest / cores) if rest else 0)

    return min(range(cores, 2 * cores), key=length)
