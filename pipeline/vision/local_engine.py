"""The extraction in this process: threads decode, the network computes, threads write."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing

from pipeline.device import find_device
from pipeline.params.runtime import Runtime
from pipeline.progress import Shares
from pipeline.store.store import Store
from pipeline.vision.backbone import Backbone, Features
from pipeline.vision.decode import File, batches
from pipeline.vision.forward import Forward
from pipeline.vision.passes import compute, passes_of


def fill_here(
    store: Store,
    backbone: Backbone,
    features: Features,
    files: Sequence[File],
    shares: Shares,
    runtime: Runtime,
    say: Callable[[str], None],
) -> Generator[int, None, None]:
    """Compute the rows of `files` and hand them to the store.

    Three things go on at a time: threads decode the batches to come, the network computes, and the
    store's threads write the shards that are full.

    Args:
        store: lacks the rows of `files`, which are in the order of its `missing`.
        backbone: the network.
        features: the same, with its weights.
        files: the images.
        shares: is told where the time goes.
        runtime: the device, the threads that decode, and the images that the network computes at a
            time, in as many passes as suits the device.
        say: is told what a person should know while it runs.

    Yields:
        The number of images of each pass, when its rows are handed in.

    Raises:
        PipelineError: naming a file that changed since it was indexed, or whose features are not
            finite.
    """
    forward = Forward(backbone, features, find_device(runtime.device), runtime.batch, say)
    passes = passes_of(min(runtime.batch, len(files)), forward.device)
    each = -(-runtime.batch // passes)
    reader = batches(files, backbone.preprocessing, batch=each, workers=runtime.workers)
    with (
        closing(reader),
        closing(compute(forward, shares.over("decode", reader), passes=passes)) as computed,
    ):
        for part, arrays in shares.over("forward", computed):
            with shares.of("write"):
                store.add([file.sha256 for file in part], arrays)
            yield len(part)
