"""The local engine extracts in this process: threads decode and write, the network computes."""

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
        store: a store that lacks the rows of `files`.
        backbone: the network.
        features: the same network with its weights.
        files: the images, in the order of `Store.missing`.
        shares: takes the time of each step.
        runtime: the device, the number of threads that decode, and the batch, which is divided into
            as many passes as suits the device.
        say: takes sentences that a person should read while the extraction runs.

    Yields:
        The number of images of each pass, after the store has taken their rows.

    Raises:
        PipelineError: if a file changed since it was indexed, or if its features are not finite;
            the message names the file.
    """
    forward = Forward(backbone, features, find_device(runtime.device), runtime.batch, say)
    passes = passes_of(min(runtime.batch, len(files)), forward.device, forward.least)
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
