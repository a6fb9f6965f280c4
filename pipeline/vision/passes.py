"""Run forward passes of one network, several at once where that is faster; results come in order.

On a CPU each thread computes images of its own. If all threads computed one layer together, each
layer would last as long as the slowest thread, whose core another program may use just then.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from threading import Event
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from pipeline.parallel import map_in_order
from pipeline.vision.decode import File, Pixels
from pipeline.vision.forward import LEAST, Arrays, Forward


def passes_of(batch: int, device: torch.device, least: int = LEAST) -> int:
    """How many passes at once are best for a batch: on a CPU, one for each thread.

    A pass has at least so many images, if the batch has (`Forward.least`).
    """
    threads = torch.get_num_threads() if device.type == "cpu" else 1
    return max(1, min(threads, batch // least))


def compute(
    forward: Forward, read: Iterable[tuple[Sequence[File], Pixels]], *, passes: int
) -> Generator[tuple[Sequence[File], Arrays], None, None]:
    """Yield the rows of all images that are read, in order.

    When the generator is closed, a pass under way ends before its next layer.

    Args:
        forward: the network.
        read: the images of each pass, and their pixels (b, crop, crop, 3).
        passes: how many passes run at once and share torch's threads.

    Raises:
        PipelineError: as `Forward.rows` does.
    """
    closed = Event()

    def one(item: tuple[Sequence[File], Pixels]) -> tuple[Sequence[File], Arrays]:
        files, pixels = item
        if passes > 1:
            torch.set_num_threads(each)  # for this thread alone
        with _Until(closed):
            return files, forward.rows([str(file.path) for file in files], pixels)

    threads = torch.get_num_threads()
    each = max(1, threads // passes)
    try:
        yield from map_in_order(one, read, workers=passes, ahead=passes, at_end=closed.set)
    finally:  # threads that begin later would else begin with what one thread set for itself
        torch.set_num_threads(threads)


class _Until(TorchFunctionMode):
    """Within this context, a function of torch raises `_ClosedError` once `closed` is set."""

    def __init__(self, closed: Event) -> None:
        super().__init__()
        self._closed = closed

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Pass the call on, unless `closed` is set."""
        if self._closed.is_set():
            raise _ClosedError
        return func(*args, **(kwargs or {}))


class _ClosedError(Exception):
    """The rows of this pass are not wanted any more."""
