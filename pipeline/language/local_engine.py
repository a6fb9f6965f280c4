"""The local engine encodes words in this process, some posts at a time."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence

import numpy as np

from pipeline.corpus.posts import Post
from pipeline.device import find_device
from pipeline.errors import PipelineError
from pipeline.language.words import WORDS, Found, Row
from pipeline.params.runtime import Runtime
from pipeline.store.rows import stacked
from pipeline.store.store import Store

PART = 2048  # posts at a time: enough for full batches of each length


def fill_here(
    store: Store, found: Found, posts: Mapping[str, Post], runtime: Runtime
) -> Generator[int, None, None]:
    """Encode posts and hand them to the store, part by part; yields how many.

    Args:
        store: a store that lacks these posts.
        found: the encoder.
        posts: by their keys, in the order of `Store.missing`.
        runtime: the device, and how many windows go through the network at a time.

    Raises:
        PipelineError: naming the first post whose words are not finite; those before it are kept.
    """
    encoder = found.load(find_device(runtime.device), runtime.batch)
    output = found.fingerprint.outputs[WORDS]
    keys = list(posts)
    for start in range(0, len(keys), PART):
        part = keys[start : start + PART]
        rows = encoder.rows([posts[key].tokens for key in part])
        good = sound(rows)
        store.add(part[:good], {WORDS: stacked(output, rows[:good])})
        if good < len(part):
            raise not_finite(posts[part[good]], found)
        yield len(part)


def sound(rows: Sequence[Row]) -> int:
    """How many rows stand before the first that is not finite."""
    finite = [bool(np.isfinite(row).all()) for row in rows]
    return finite.index(False) if False in finite else len(rows)


def not_finite(post: Post, found: Found) -> PipelineError:
    """The error for a post whose words are not finite."""
    return PipelineError(
        f"post {post.post}: {found.encoder.name} gave a number that is not finite, or too large for"
        " float16; choose other layers, another precision or other weights"
    )
