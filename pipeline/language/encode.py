"""The stage `encode`: each post that the store lacks goes through the encoder once."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from pipeline.corpus.posts import Post, read_posts, words_key
from pipeline.errors import PipelineError
from pipeline.language.local_engine import fill_here
from pipeline.language.words import Found, find_words
from pipeline.params.context import Encode
from pipeline.params.runtime import Engine, Runtime
from pipeline.progress import progress
from pipeline.store.store import Report as Stored
from pipeline.store.store import Store

_Fill: TypeAlias = Callable[[Store, Found, Mapping[str, Post], Runtime], Generator[int, None, None]]


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
) -> Report:
    """Make the store hold the contextual words of every post, and no others.

    Each different sequence of words is encoded once, and only if the store lacks it. Shards are
    written as they fill, so that a run after a kill goes on from the last one.

    Args:
        posts: the table of posts.
        directory: of the store.
        params: the encoder, its weights and what is kept; all of it enters the fingerprint.
        runtime: where the network runs; nothing of it changes a number.

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
        todo = {key: wanted[key] for key in store.missing(wanted)}
        if todo:
            start = time.monotonic()
            with closing(_engine(runtime.engine)(store, found, todo, runtime)) as filled:
                title = directory.name
                for count in progress(
                    filled, len(todo), "posts", runtime.progress, title=title, weight=int
                ):
                    computed += count
            speed = f", {computed / (time.monotonic() - start):.3g} posts/s"
        stored = store.finish()
    return Report(len(rows), len(wanted), computed, speed, stored)


def _engine(name: Engine) -> _Fill:
    """Choose the function that encodes posts and yields how many, part by part."""
    if name == "local":
        return fill_here
    # imported here: Ray takes a second, and only this engine needs it
    from pipeline.language.ray_engine import fill_on_ray

    return fill_on_ray
