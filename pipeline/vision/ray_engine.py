"""The same extraction on a Ray cluster: its CPUs decode, actors hold the network, one GPU each.

A task owns whole shards: its images are decoded by a CPU worker, and an actor computes their rows
and writes the shards to the store's directory, which all nodes share, as they do the image folder
and the project's own folder, under the same paths. The driver holds the store's lock, says what is
to be done, and writes the index at the end. A worker that dies is replaced and its task done
again: a shard is written whole, and its name stands for its content. The bytes are those of the
local engine, on processors of the same kind.
"""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import ray
from ray.exceptions import RayActorError, RayTaskError, WorkerCrashedError

from pipeline.device import find_device
from pipeline.errors import PipelineError
from pipeline.fingerprint import Fingerprint
from pipeline.params.runtime import Runtime
from pipeline.progress import Shares
from pipeline.store.commits import Held
from pipeline.store.keys import pack
from pipeline.store.orders import Order, carry_out
from pipeline.store.store import Store
from pipeline.vision.backbone import Backbone, Features, load_backbone
from pipeline.vision.decode import File, Pixels, pixels_of
from pipeline.vision.forward import Forward
from pipeline.vision.preprocessing import Preprocessing

RESTARTS = 3  # of an actor, and attempts more at a task whose worker died
AHEAD = 2  # tasks an actor: one is computed while the next is decoded


@dataclass(frozen=True)
class Task:
    """Whole shards, and the images whose rows they miss, in the order of the shards."""

    orders: tuple[Order, ...]
    files: tuple[File, ...]


@dataclass(frozen=True)
class Done:
    """What an actor did for a task.

    Attributes:
        held: the shards it wrote.
        seconds: how long it took, by step.
        told: what a person should know, in sentences.
    """

    held: tuple[Held, ...]
    seconds: dict[str, float]
    told: tuple[str, ...]


def fill_on_ray(
    store: Store,
    backbone: Backbone,
    features: Features,
    files: Sequence[File],
    shares: Shares,
    runtime: Runtime,
    say: Callable[[str], None],
) -> Generator[int, None, None]:
    """Compute the rows of `files` on the cluster, and have its actors write the shards.

    Args:
        store: lacks the rows of `files`, which are in the order of its `missing`.
        backbone: the network.
        features: the same, with its weights.
        files: the images.
        shares: is told where the time goes: what the actors wait for and do.
        runtime: the batch of a forward pass, the device of the actors ("auto", "cpu" or "cuda") and
            their number (None: one for each GPU, or for every other CPU of a cluster without).
        say: is told what the actors tell, each sentence once.

    Yields:
        The number of images of each task, when its shards are written.

    Raises:
        PipelineError: as the local engine does; if the cluster is too small; if workers die over
            the same images again and again.
    """
    said: set[str] = set()

    def pass_on(told: Iterable[str]) -> None:
        for sentence in told:
            if sentence not in said:
                said.add(sentence)
                say(sentence)

    tasks = _tasks(store.orders(), {file.sha256: file for file in files}, runtime.batch)
    with _cluster(), store.room():
        count, gpus = _size(runtime)
        kind = ray.remote(_Actor).options(
            num_cpus=0 if gpus else 1,
            num_gpus=gpus,
            max_restarts=RESTARTS,
            max_task_retries=RESTARTS,
        )
        network = ray.put(features)
        pool: list[Any] = [
            kind.remote(backbone.name, network, store.fingerprint, runtime) for _ in range(count)
        ]
        try:
            # the first actor that runs speaks before any task, the others with their first one
            (first, *_), _ = ray.wait([actor.told.remote() for actor in pool])
            pass_on(_result(first))
            for task, done in _run(tasks, pool, backbone.preprocessing):
                store.receive(done.held)
                for step, seconds in done.seconds.items():
                    shares.add(step, seconds)
                pass_on(done.told)
                yield len(task.files)
        finally:
            for actor in pool:  # or a run that fails would leave writers behind
                ray.kill(actor)


@contextmanager
def _cluster() -> Iterator[None]:
    """The cluster that this process is in, or that RAY_ADDRESS names, or one of this machine."""
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.WARNING)
    try:
        yield
    finally:
        ray.shutdown()  # ends the actors with it


def _size(runtime: Runtime) -> tuple[int, int]:
    """How many actors, and how many GPUs each has: 1 or none.

    Raises:
        PipelineError: if the cluster has not the GPUs, or no CPU left to decode.
    """
    device, actors = runtime.device, runtime.actors
    resources = ray.cluster_resources()
    cpus, gpus = int(resources.get("CPU", 0)), int(resources.get("GPU", 0))
    if device != "cpu" and gpus:
        count = gpus if actors is None else actors
        enough = count <= gpus and cpus >= 1
    elif device in ("auto", "cpu"):
        gpus = 0
        count = max(1, cpus // 2) if actors is None else actors
        enough = count < cpus
    else:
        raise PipelineError(f"runtime.device: {device!r} was asked for: the cluster has no GPU")
    if not enough:
        raise PipelineError(
            f"runtime.actors: {count} actors and a CPU to decode do not fit into the cluster's"
            f" {cpus} CPUs and {gpus} GPUs; set fewer, or runtime.engine: local"
        )
    return count, min(gpus, 1)


def _tasks(orders: Iterable[Order], placed: Mapping[str, File], batch: int) -> Iterator[Task]:
    """Shard after shard, as many as one forward pass takes; one that takes more stands alone."""
    together: list[Order] = []
    images = 0
    for order in orders:
        if together and images + len(order.missing) > batch:
            yield _task(together, placed)
            together, images = [], 0
        together.append(order)
        images += len(order.missing)
    if together:
        yield _task(together, placed)


def _task(orders: Sequence[Order], placed: Mapping[str, File]) -> Task:
    files = tuple(placed[key] for order in orders for key in order.missing)
    return Task(tuple(orders), files)


def _run(
    tasks: Iterable[Task], pool: Sequence[Any], preprocessing: Preprocessing
) -> Iterator[tuple[Task, Done]]:
    """Have the actors of `pool` do the tasks, a few at a time whatever their number."""
    decode = ray.remote(_decode).options(num_cpus=1, max_retries=RESTARTS)
    free = deque(actor for _ in range(AHEAD) for actor in pool)
    flying: dict[Any, tuple[Any, Task]] = {}

    def landed() -> tuple[Task, Done]:
        (first, *_), _ = ray.wait(list(flying), num_returns=1)
        actor, task = flying.pop(first)
        free.append(actor)
        done: Done = _result(first)
        return task, done

    for task in tasks:
        if not free:
            yield landed()
        actor = free.popleft()
        pixels = decode.remote(task.files, preprocessing)
        flying[actor.fill.remote(task, pixels)] = actor, task
    while flying:
        yield landed()


def _result(reference: Any) -> Any:
    """What a call of an actor gave.

    Raises:
        PipelineError: as it was raised by the worker, or if one died too often.
    """
    try:
        return ray.get(reference)
    except RayTaskError as error:
        cause = error.cause
        while isinstance(cause, RayTaskError):
            cause = cause.cause
        raise cause if isinstance(cause, PipelineError) else error from None
    except (RayActorError, WorkerCrashedError) as error:
        raise PipelineError(
            f"a Ray worker died {RESTARTS + 1} times over the same images, as it does where memory"
            f" is short: set a smaller runtime.batch or runtime.actors ({error})"
        ) from None


def _decode(files: Sequence[File], preprocessing: Preprocessing) -> Pixels:
    """The pixels of one task's images, (n, crop, crop, 3); runs on a CPU worker."""
    return np.stack([pixels_of(file, preprocessing) for file in files])


class _Actor:
    """Holds the network on its device, and writes whole shards."""

    def __init__(
        self, backbone: str, features: Features, fingerprint: Fingerprint, runtime: Runtime
    ) -> None:
        self._told: list[str] = []
        self._forward = Forward(
            load_backbone(backbone),
            features,
            find_device(runtime.device),
            runtime.batch,
            self._told.append,
        )
        self._fingerprint = fingerprint
        self._idle = time.monotonic()

    def told(self) -> tuple[str, ...]:
        """What a person should know, in sentences; each is given once."""
        told = tuple(self._told)
        self._told.clear()
        return told

    def fill(self, task: Task, pixels: Pixels) -> Done:
        """Compute the rows of a task's images, and write its shards.

        Args:
            task: which shards.
            pixels: of its images, (n, crop, crop, 3).
        """
        shares = Shares()
        shares.add("decode", time.monotonic() - self._idle)
        with shares.of("forward"):
            names = [str(file.path) for file in task.files]
            arrays = self._forward.rows(names, pixels.copy())  # shared memory is read-only
        held = []
        with shares.of("write"):
            at = 0
            for order in task.orders:
                rows = slice(at, at + len(order.missing))
                fresh = {name: array[rows] for name, array in arrays.items()}
                held.append(carry_out(order, self._fingerprint, (pack(order.missing), fresh)))
                at = rows.stop
        self._idle = time.monotonic()
        return Done(tuple(held), shares.seconds, self.told())
