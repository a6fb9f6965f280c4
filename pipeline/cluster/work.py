"""How a store is filled on a Ray cluster: actors hold the network, and own whole shards.

All nodes see the store's directory, what the rows are computed from and the project's folder under
the same paths. The driver holds the store's lock, hands out the tasks, and writes the index at the
end. A worker that dies is replaced, and its task is done again without harm, since a shard is
written whole and its name stands for its content. The bytes are those of the local engine, on
processors of the same kind.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import ray
from ray.exceptions import (
    NodeDiedError,
    OutOfMemoryError,
    RayActorError,
    RayTaskError,
    WorkerCrashedError,
)

from pipeline.cluster.enter import cluster
from pipeline.errors import PipelineError
from pipeline.fingerprint import Fingerprint
from pipeline.params.runtime import Runtime
from pipeline.progress import Shares
from pipeline.store.commits import Held
from pipeline.store.keys import pack
from pipeline.store.orders import Order, carry_out
from pipeline.store.store import Store

RESTARTS = 3  # how often an actor is replaced, and how often a task is tried again
AHEAD = 2  # tasks under way for each actor: one is computed while the next is made ready

Item = TypeVar("Item")


@dataclass(frozen=True)
class Task(Generic[Item]):
    """Some whole shards, and what their missing rows are computed from, in the shards' order."""

    orders: tuple[Order, ...]
    items: tuple[Item, ...]


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


class Actor(ABC, Generic[Item]):
    """Holds a network on its device, and writes whole shards.

    The network is loaded by the first call: what a constructor raises, Ray takes for a dead worker.

    Args:
        fingerprint: of the store.
        waits: the name of the step for which it waits between two tasks.
    """

    def __init__(self, fingerprint: Fingerprint, waits: str) -> None:
        self.sentences: list[str] = []
        self._fingerprint = fingerprint
        self._waits = waits
        self._loaded = False
        self._idle = 0.0

    @abstractmethod
    def load(self) -> None:
        """Load the network."""

    @abstractmethod
    def rows(self, given: Any) -> Mapping[str, np.ndarray]:
        """The rows of a task's items, or of what `Work.prepare` made of them, for each output."""

    def told(self) -> tuple[str, ...]:
        """The sentences that a person should read and that were not given before."""
        self._ready()
        told = tuple(self.sentences)
        self.sentences.clear()
        return told

    def fill(self, task: Task[Item], ready: Any = None) -> Done:
        """Compute the rows of a task, and write its shards."""
        self._ready()
        shares = Shares()
        shares.add(self._waits, time.monotonic() - self._idle)
        with shares.of("forward"):
            arrays = self.rows(task.items if ready is None else ready)
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

    def _ready(self) -> None:
        if not self._loaded:
            self.load()
            self._loaded, self._idle = True, time.monotonic()


@dataclass(frozen=True)
class Work(Generic[Item]):
    """What a cluster shall do for a store.

    Attributes:
        actor: the class of the actors, and what each is made with; large objects go through
            `ray.put` once.
        items: what each missing row is computed from, by its key.
        together: shards go to an actor together up to so many rows; a larger one goes alone.
        prepare: makes items ready on CPUs other than the actors'; None: nothing is to be done.
    """

    actor: Callable[[], tuple[type[Actor[Item]], tuple[Any, ...]]]
    items: Mapping[str, Item]
    together: int
    prepare: Callable[[Sequence[Item]], Any] | None = None

    def fill(
        self, store: Store, runtime: Runtime, shares: Shares, say: Callable[[str], None]
    ) -> Generator[int, None, None]:
        """Compute the rows on the cluster, and have its actors write the shards.

        Args:
            store: a store that lacks these rows.
            runtime: the device of the actors ("auto", "cpu" or "cuda") and their number (None: one
                for each GPU, or as many as the CPUs of a cluster without GPU can hold).
            shares: takes the time of what the actors wait for and do.
            say: takes the sentences of the actors, each once.

        Yields:
            The number of rows of each task, after its shards are written.

        Raises:
            PipelineError: as in the local engine; also if the cluster is too small, or if workers
                die over the same items again and again.
        """
        said: set[str] = set()

        def pass_on(told: Iterable[str]) -> None:
            for sentence in told:
                if sentence not in said:
                    said.add(sentence)
                    say(sentence)

        with cluster(), store.room():
            count, gpus = _size(runtime, self.prepare is not None)
            count = min(count, -(-len(self.items) // self.together))  # no more than have a task
            kind, given = self.actor()
            remote = ray.remote(kind).options(
                num_cpus=0 if gpus else 1,
                num_gpus=gpus,
                max_restarts=RESTARTS,
                max_task_retries=RESTARTS,
            )
            pool: list[Any] = [remote.remote(*given) for _ in range(count)]
            try:
                # the first that runs is heard before any task, the others after their first one
                (first, *_), _ = ray.wait([actor.told.remote() for actor in pool])
                pass_on(_result(first))
                for task, done in self._run(store.orders(), pool):
                    store.receive(done.held)
                    for step, seconds in done.seconds.items():
                        shares.add(step, seconds)
                    pass_on(done.told)
                    yield len(task.items)
            finally:
                for actor in pool:  # a run that fails must leave no writers behind
                    ray.kill(actor)

    def _tasks(self, orders: Iterable[Order]) -> Iterator[Task[Item]]:
        together: list[Order] = []
        rows = 0
        for order in orders:
            if together and rows + len(order.missing) > self.together:
                yield self._task(together)
                together, rows = [], 0
            together.append(order)
            rows += len(order.missing)
        if together:
            yield self._task(together)

    def _task(self, orders: Sequence[Order]) -> Task[Item]:
        items = tuple(self.items[key] for order in orders for key in order.missing)
        return Task(tuple(orders), items)

    def _run(
        self, orders: Iterable[Order], pool: Sequence[Any]
    ) -> Iterator[tuple[Task[Item], Done]]:
        """Have the actors of `pool` do the tasks, of which only a few are under way at a time."""
        prepared: Any = ray.remote(_prepared).options(num_cpus=1, max_retries=RESTARTS)
        free = deque(actor for _ in range(AHEAD) for actor in pool)
        flying: dict[Any, tuple[Any, Task[Item]]] = {}

        def landed() -> tuple[Task[Item], Done]:
            (first, *_), _ = ray.wait(list(flying), num_returns=1)
            actor, task = flying.pop(first)
            free.append(actor)
            done: Done = _result(first)
            return task, done

        for task in self._tasks(orders):
            if not free:
                yield landed()
            actor = free.popleft()
            ready = prepared.remote(self.prepare, task.items) if self.prepare else None
            flying[actor.fill.remote(task, ready)] = actor, task
        while flying:
            yield landed()


def _prepared(prepare: Callable[[Sequence[Item]], Any], items: Sequence[Item]) -> Any:
    return prepare(items)


def _size(runtime: Runtime, prepares: bool) -> tuple[int, int]:
    """The number of actors, and the number of GPUs of each: 1 or 0.

    Raises:
        PipelineError: if the cluster lacks the GPUs, or has no CPU left to make items ready.
    """
    device, actors, spare = runtime.device, runtime.actors, int(prepares)
    resources = ray.cluster_resources()
    cpus, gpus = int(resources.get("CPU", 0)), int(resources.get("GPU", 0))
    if device != "cpu" and gpus:
        count = gpus if actors is None else actors
        enough = count <= gpus and cpus >= spare
    elif device in ("auto", "cpu"):
        gpus = 0
        count = max(1, cpus // (1 + spare)) if actors is None else actors
        enough = count + spare <= cpus
    else:
        raise PipelineError(f"runtime.device: {device!r} was asked for: the cluster has no GPU")
    if not enough:
        raise PipelineError(
            f"runtime.actors: {count} actors{' and a CPU to decode' if prepares else ''} do not fit"
            f" into the cluster's {cpus} CPUs and {gpus} GPUs; set fewer, or runtime.engine: local"
        )
    return count, min(gpus, 1)


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
    except (NodeDiedError, OutOfMemoryError, RayActorError, WorkerCrashedError) as error:
        raise PipelineError(
            f"a Ray worker died {RESTARTS + 1} times over the same rows, as it does where memory is"
            f" short: set a smaller runtime.batch or runtime.actors ({error})"
        ) from None
