"""The Ray engine extracts on a cluster: CPUs decode, actors hold the network, one GPU each.

A task owns whole shards. A CPU worker decodes its images, and an actor computes their rows and
writes the shards into the store's directory. All nodes see that directory, the image folder and the
project's folder under the same paths. The driver holds the store's lock, hands out the tasks, and
writes the index at the end. A worker that dies is replaced, and its task is done again without
harm, since a shard is written whole and its name stands for its content. The bytes are those of the
local engine, on processors of the same kind.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
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
from pipeline.vision.backbone import Backbone, Features
from pipeline.vision.decode import File, Pixels, pixels_of
from pipeline.vision.forward import Forward
from pipeline.vision.preprocessing import Preprocessing
from pipeline.vision.ray_cluster import cluster

RESTARTS = 3  # how often an actor is replaced, and how often a task is tried again
AHEAD = 2  # tasks under way for each actor: one is computed while the next is decoded


@dataclass(frozen=True)
class Task:
    """Some whole shards, and the images whose rows they lack, in the order of the shards."""

    orders: tuple[Order, ...]
    files: tuple[File, ...]


@dataclass(frozen=True)
class Done:
    """What an actor did for a task.

    Attributes:
        held: the shards that it wrote.
        seconds: how long it took, by step.
        told: sentences that a person should read.
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
        store: a store that lacks the rows of `files`.
        backbone: the network.
        features: the same network with its weights.
        files: the images, in the order of `Store.missing`.
        shares: takes the time of what the actors wait for and do.
        runtime: the batch of a forward pass, the device of the actors ("auto", "cpu" or "cuda") and
            their number (None: one for each GPU, or for every other CPU of a cluster without GPU).
        say: takes the sentences of the actors, each once.

    Yields:
        The number of images of each task, after its shards are written.

    Raises:
        PipelineError: as in the local engine; also if the cluster is too small, or if workers die
            over the same images again and again.
    """
    said: set[str] = set()

    def pass_on(told: Iterable[str]) -> None:
        for sentence in told:
            if sentence not in said:
                said.add(sentence)
                say(sentence)

    tasks = _tasks(store.orders(), {file.sha256: file for file in files}, runtime.batch)
    with cluster(), store.room():
        count, gpus = _size(runtime)
        kind = ray.remote(_Actor).options(
            num_cpus=0 if gpus else 1,
            num_gpus=gpus,
            max_restarts=RESTARTS,
            max_task_retries=RESTARTS,
        )
        network = ray.put(features)
        pool: list[Any] = [
            kind.remote(backbone, network, store.fingerprint, runtime) for _ in range(count)
        ]
        try:
            # the first actor that runs is heard before any task, the others after their first one
            (first, *_), _ = ray.wait([actor.told.remote() for actor in pool])
            pass_on(_result(first))
            for task, done in _run(tasks, pool, backbone.preprocessing):
                store.receive(done.held)
                for step, seconds in done.seconds.items():
                    shares.add(step, seconds)
                pass_on(done.told)
                yield len(task.files)
        finally:
            for actor in pool:  # a run that fails must leave no writers behind
                ray.kill(actor)


def _size(runtime: Runtime) -> tuple[int, int]:
    """The number of actors, and the number of GPUs of each: 1 or 0.

    Raises:
        PipelineError: if the cluster lacks the GPUs, or has no CPU left to decode.
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
    """Put shards together up to the images of one forward pass; a larger shard stands alone."""
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
    """Have the actors of `pool` do the tasks, of which only a few are under way at a time."""
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
    """The result of a call of an actor.

    Raises:
        PipelineError: if the worker raised it, or if the worker died too often.
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
    """Decode the images of one task on a CPU worker: (n, crop, crop, 3)."""
    return np.stack([pixels_of(file, preprocessing) for file in files])


class _Actor:
    """Holds the network on its device, and writes whole shards."""

    def __init__(
        self, backbone: Backbone, features: Features, fingerprint: Fingerprint, runtime: Runtime
    ) -> None:
        self._told: list[str] = []
        self._forward = Forward(
            backbone,
            features,
            find_device(runtime.device),
            runtime.batch,
            self._told.append,
        )
        self._fingerprint = fingerprint
        self._idle = time.monotonic()

    def told(self) -> tuple[str, ...]:
        """The sentences that a person should read and that were not given before."""
        told = tuple(self._told)
        self._told.clear()
        return told

    def fill(self, task: Task, pixels: Pixels) -> Done:
        """Compute the rows of a task's images, and write its shards.

        Args:
            task: the shards and their images.
            pixels: the pixels of the images, (n, crop, crop, 3).
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
