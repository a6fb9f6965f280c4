"""The Ray engine extracts on a cluster: CPUs decode, actors hold the network, one GPU each."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from functools import partial

import numpy as np
import ray

from pipeline.cluster.work import Actor, Work
from pipeline.device import find_device
from pipeline.fingerprint import Fingerprint
from pipeline.params.runtime import Runtime
from pipeline.progress import Shares
from pipeline.store.store import Store
from pipeline.vision.backbone import Backbone, Features
from pipeline.vision.decode import File, Pixels, pixels_of
from pipeline.vision.forward import Forward
from pipeline.vision.preprocessing import Preprocessing


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
        runtime: the batch of a forward pass, and what `Work.fill` takes of it.
        say: takes the sentences of the actors, each once.

    Yields:
        The number of images of each task, after its shards are written.

    Raises:
        PipelineError: as in the local engine, and as `Work.fill` raises it.
    """
    work = Work(
        lambda: (_Extracts, (backbone, ray.put(features), store.fingerprint, runtime)),
        {file.sha256: file for file in files},
        runtime.batch,
        partial(_decode, backbone.preprocessing),
    )
    yield from work.fill(store, runtime, shares, say)


def _decode(preprocessing: Preprocessing, files: Sequence[File]) -> tuple[list[str], Pixels]:
    """Decode the images of one task on a CPU worker: their names, and (n, crop, crop, 3)."""
    pixels = np.stack([pixels_of(file, preprocessing) for file in files])
    return [str(file.path) for file in files], pixels


class _Extracts(Actor[File]):
    """Computes features of images that are decoded."""

    def __init__(
        self, backbone: Backbone, features: Features, fingerprint: Fingerprint, runtime: Runtime
    ) -> None:
        super().__init__(fingerprint, waits="decode")
        self._given = backbone, features, runtime

    def load(self) -> None:
        backbone, features, runtime = self._given
        device = find_device(runtime.device)
        self._forward = Forward(backbone, features, device, runtime.batch, self.sentences.append)

    def rows(self, given: tuple[list[str], Pixels]) -> Mapping[str, np.ndarray]:
        names, pixels = given
        return self._forward.rows(names, pixels.copy())  # shared memory is read-only
