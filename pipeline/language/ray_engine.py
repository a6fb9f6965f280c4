"""The Ray engine encodes words on a cluster: each actor holds the network, on a GPU or a CPU."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence

import numpy as np

from pipeline.cluster.work import Actor, Work
from pipeline.corpus.posts import Post
from pipeline.device import find_device
from pipeline.errors import PipelineError
from pipeline.fingerprint import Fingerprint
from pipeline.language.local_engine import not_finite, sound
from pipeline.language.words import WORDS, Found, find_words
from pipeline.params.context import Encode
from pipeline.params.runtime import Runtime
from pipeline.progress import Shares
from pipeline.store.rows import stacked
from pipeline.store.store import Store

TOGETHER = 512  # posts of a task: passes of each length are nearly full, and no actor stands idle


def fill_on_ray(
    store: Store, found: Found, posts: Mapping[str, Post], runtime: Runtime
) -> Generator[int, None, None]:
    """Encode posts on the cluster, and have its actors write the shards; yields how many.

    Arguments as for the local engine; each node reads the encoder's files itself.

    Raises:
        PipelineError: naming a post whose words are not finite; if a node has another encoder; or
            as `Work.fill` raises it.
    """
    work = Work(lambda: (_Encodes, (found.params, store.fingerprint, runtime)), posts, TOGETHER)
    yield from work.fill(store, runtime, Shares(), lambda _: None)


class _Encodes(Actor[Post]):
    """Computes the contextual words of posts."""

    def __init__(self, params: Encode, fingerprint: Fingerprint, runtime: Runtime) -> None:
        super().__init__(fingerprint, waits="posts")
        self._asked = params, fingerprint, runtime

    def load(self) -> None:
        params, fingerprint, runtime = self._asked
        self._found = find_words(params, runtime.weights_dir)
        if self._found.fingerprint.digest != fingerprint.digest:
            raise PipelineError(
                f"{params.weights}: a node of the cluster has other files of this name; give all"
                " nodes the same, or set runtime.engine: local"
            )
        self._encoder = self._found.load(find_device(runtime.device), runtime.batch)

    def rows(self, given: Sequence[Post]) -> Mapping[str, np.ndarray]:
        rows = self._encoder.rows([post.tokens for post in given])
        good = sound(rows)
        if good < len(rows):
            raise not_finite(given[good], self._found)
        return {WORDS: stacked(self._found.fingerprint.outputs[WORDS], rows)}
