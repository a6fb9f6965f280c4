"""What the caches and the predictions hold of one post, for a person to look at.

Every part comes from one file. A file that is missing or damaged leaves its part empty, and
`PostView.lacking` has the sentence that says which stage writes it.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.corpus.images import SCHEMA, Image
from pipeline.corpus.posts import Post
from pipeline.errors import PipelineError
from pipeline.evaluation.answers import Answer, read_answer
from pipeline.params.block import nearest
from pipeline.tables.parquet import read_table

T = TypeVar("T")
NEAR = 3  # an unknown post is answered with so many others
KNOWLEDGE = ("mention", "path", "hop", "similarity", "triples", "reason", "mention_source")


@dataclass(frozen=True)
class PostView:
    """One post, and all that is known of it.

    Attributes:
        post: the post.
        image: its row of the table of images; None without one.
        answers: one for each system that predicted the post's split.
        tags: the words of its picture and their probabilities, best first.
        caption: that of its picture; None without one.
        hashtags: each of its hashtags, and the words.
        knowledge: `KNOWLEDGE` of its row of the table of knowledge; None without one.
        lacking: a sentence for each file that is missing or damaged.
    """

    post: Post
    image: Image | None
    answers: tuple[Answer, ...]
    tags: tuple[tuple[str, float], ...]
    caption: str | None
    hashtags: tuple[tuple[str, tuple[str, ...]], ...]
    knowledge: Mapping[str, Any] | None
    lacking: tuple[str, ...]


def find_post(name: str, posts: Sequence[Post]) -> Post:
    """The post called `name`.

    Raises:
        PipelineError: if there is none; it names the posts whose picture is called so, or those
            with the nearest names.
    """
    by_name = {post.post: post for post in posts}
    if name in by_name:
        return by_name[name]
    shown = [post.post for post in posts if post.image == name]
    if shown:
        raise PipelineError(f"{name!r} is a picture, of the posts {', '.join(shown[:NEAR])}")
    near = difflib.get_close_matches(name, list(by_name), n=NEAR, cutoff=0)
    raise PipelineError(f"no post is called {name!r}; the nearest are {', '.join(near)}")


def find_predictions(system: str, folder: Path, systems: Iterable[str]) -> Path:
    """The path of a system's predictions, which may be missing if it is one of `systems`.

    Raises:
        PipelineError: for a name that neither `systems` nor the folder has.
    """
    known = _names(folder, systems)
    if system not in known:
        hint = nearest(system, known)
        raise PipelineError(f"unknown system {system!r}{hint}; known: {', '.join(known)}")
    return folder / f"{system}.parquet"


def view_post(post: Post, features: Path, predictions: Path, systems: Iterable[str]) -> PostView:
    """Gather what two folders hold of `post`.

    Args:
        post: a post of the table of posts.
        features: the caches.
        predictions: `SYSTEM.parquet` each.
        systems: those whose predictions are expected; others that are there are shown too.
    """
    lacking: list[str] = []

    def of(read: Callable[[], T], otherwise: T) -> T:
        try:
            return read()
        except PipelineError as error:
            lacking.append(str(error))
            return otherwise

    image = of(lambda: _image(features / "images.parquet", post), None)
    sha256 = "" if image is None or image.sha256 is None else image.sha256
    paths = [predictions / f"{name}.parquet" for name in _names(predictions, systems)]
    answers = [of(partial(read_answer, path, post), None) for path in paths]
    return PostView(
        post=post,
        image=image,
        answers=tuple(answer for answer in answers if answer is not None),
        tags=of(lambda: _tags(features / "tags.parquet", sha256), ()),
        caption=of(lambda: _caption(features / "captions.parquet", sha256), None),
        hashtags=of(lambda: _hashtags(features / "hashtags.parquet", post), ()),
        knowledge=of(lambda: _knowledge(features / "knowledge.parquet", post), None),
        lacking=tuple(lacking),
    )


def _names(folder: Path, systems: Iterable[str]) -> list[str]:
    return sorted({*systems, *(path.stem for path in folder.glob("*.parquet"))})


def _image(path: Path, post: Post) -> Image | None:
    if post.image is None:
        return None
    row = _row(_columns(path, "index_images", SCHEMA.names), "image", post.image)
    return None if row is None else Image(**row)


def _tags(path: Path, sha256: str) -> tuple[tuple[str, float], ...]:
    row = _row(_columns(path, "tags", ("sha256", "words", "probabilities")), "sha256", sha256)
    return () if row is None else tuple(zip(row["words"], row["probabilities"], strict=True))


def _caption(path: Path, sha256: str) -> str | None:
    row = _row(_columns(path, "caption", ("key", "caption")), "key", sha256)
    return None if row is None else str(row["caption"])


def _hashtags(path: Path, post: Post) -> tuple[tuple[str, tuple[str, ...]], ...]:
    table = _columns(path, "hashtags", ("key", "words"))
    words = dict(zip(table["key"].to_pylist(), table["words"].to_pylist(), strict=True))
    return tuple((token, tuple(words[token])) for token in post.tokens if token in words)


def _knowledge(path: Path, post: Post) -> Mapping[str, Any] | None:
    return _row(_columns(path, "knowledge", ("key", *KNOWLEDGE)), "key", post.post)


def _columns(path: Path, stage: str, names: Sequence[str]) -> pa.Table:
    """Those columns of the table at `path`.

    Raises:
        PipelineError: if the file is missing or damaged, or if a column is.
    """
    table = read_table(path, None, stage)
    absent = sorted({*names} - {*table.schema.names})
    if absent:
        raise PipelineError(f"{path}: has no column {absent[0]!r}; run `dvc repro {stage}`")
    return table.select(names)


def _row(table: pa.Table, column: str, value: str) -> dict[str, Any] | None:
    """The first row whose `column` is `value`; None without one."""
    rows: list[dict[str, Any]] = table.filter(pc.field(column) == value).slice(0, 1).to_pylist()
    return rows[0] if rows else None
