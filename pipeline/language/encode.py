"""The stage `encode`: each post that the store lacks goes through the encoder once."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.corpus.posts import Post, read_posts, words_key
from pipeline.device import find_device
from pipeline.errors import PipelineError
from pipeline.language.words import WORDS, Found, find_words
from pipeline.params.context import Encode
from pipeline.params.runtime import Runtime
from pipeline.progress import progress
from pipeline.progress import say as say_aloud
from pipeline.store.rows import stacked
from pipeline.store.store import Report as Stored
from pipeline.store.store import Store

PART = 2048  # posts at a time: enough for full batches of each length


@dataclass(frozen=True)
class Report:
    """What was encoded; `str(report)` is for the terminal.

    Attributes:
        posts: how many posts there are.
        distinct: how many of these differ in their words.
        computed: how many went through the network in this run.
        speed: posts a second; "" if none did.
        stored: what became of the store.
    """

    posts: int
    distinct: int
    computed: int
    speed: str
    stored: Stored

    def __str__(self) -> str:
        noun = "text" if self.computed == 1 else "texts"
        return (
            f"{self.computed} {noun} encoded, {self.distinct - self.computed} reused"
            f" ({self.posts} posts, {self.distinct} distinct){self.speed}\n{self.stored}"
        )


def encode(
    posts: Path,
    directory: Path,
    params: Encode,
    runtime: Runtime,
    say: Callable[[str], None] = say_aloud,
) -> Report:
    """Make the store hold the contextual words of every post, and no others.

    Each different sequence of words is encoded once, and only if the store lacks it. Shards are
    written as they fill, so that a run after a kill goes on from the last one.

    Args:
        posts: the table of posts.
        directory: of the store.
        params: the encoder, its weights and what is kept; all of it enters the fingerprint.
        runtime: where the network runs; nothing of it changes a number.
        say: takes sentences that a person should read.

    Raises:
        PipelineError: if a name is unknown, weights are missing or wrong, a number is not finite,
            or another process writes the store.
    """
    rows = read_posts(posts)
    wanted: dict[str, Post] = {}
    for post in rows:
        wanted.setdefault(words_key(post.tokens), post)
    if not wanted:
        raise PipelineError(f"{posts}: holds no post")
    found = find_words(params, runtime.weights_dir)
    speed, computed = "", 0
    with Store(directory, found.fingerprint) as store:
        missing = store.missing(wanted)
        if missing:
            if runtime.engine == "ray":
                say("encode: words are encoded in this process; Ray's engine is for images")
            start, todo = time.monotonic(), [wanted[key] for key in missing]
            with closing(_fill(store, found, missing, todo, runtime)) as filled:
                title = directory.name
                for count in progress(
                    filled, len(missing), "posts", runtime.progress, title=title, weight=int
                ):
                    computed += count
            speed = f", {computed / (time.monotonic() - start):.3g} posts/s"
        stored = store.finish()
    return Report(len(rows), len(wanted), computed, speed, stored)


def _fill(
    store: Store, found: Found, keys: Sequence[str], posts: Sequence[Post], runtime: Runtime
) -> Generator[int, None, None]:
    """Encode posts and hand them to the store, part by part; yields how many.

    Raises:
        PipelineError: naming the first post whose words are not finite; those before it are kept.
    """
    encoder = found.load(find_device(runtime.device), runtime.batch)
    output = found.fingerprint.outputs[WORDS]
    for start in range(0, len(keys), PART):
        part = posts[start : start + PART]
        rows = encoder.rows([post.tokens for post in part])
        sound = [bool(np.isfinite(row).all()) for row in rows]
        good = sound.index(False) if False in sound else len(part)
        store.add(keys[start : start + good], {WORDS: stacked(output, rows[:good])})
        if good < len(part):
            raise PipelineError(
                f"post {part[good].post}: {found.encoder.name} gave a number that is not finite, or"
                " too large for float16; choose other layers, another precision or other weights"
            )
        yield len(part)
