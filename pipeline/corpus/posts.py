"""The table of posts: what every later stage reads of the corpus's text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from pipeline.tables.parquet import read_table, write_table

SPLITS = ("train", "dev", "test")

SCHEMA = pa.schema(
    [
        pa.field("post", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("image", pa.string()),
        pa.field("tokens", pa.list_(pa.field("element", pa.string(), nullable=False))),
        pa.field("labels", pa.list_(pa.field("element", pa.string(), nullable=False))),
        pa.field("line", pa.int32(), nullable=False),
    ]
)


@dataclass(frozen=True)
class Post:
    """One post as its file has it: tokens untouched, types renamed, labels not mended.

    `post` is `split/ordinal`, counted from 0; `image` is an id or None; `line` is that of the
    post's IMGID line, or of its first token in a corpus without images.
    """

    post: str
    split: str
    image: str | None
    tokens: tuple[str, ...]
    labels: tuple[str, ...]
    line: int

    def __post_init__(self) -> None:
        if len(self.tokens) != len(self.labels):
            raise ValueError(f"{self.post}: {len(self.tokens)} tokens, {len(self.labels)} labels")


def write_posts(posts: Iterable[Post], path: Path) -> None:
    """Write `posts` in their order."""
    rows = list(posts)
    columns = {name: [getattr(post, name) for post in rows] for name in SCHEMA.names}
    write_table(pa.table(columns, SCHEMA), path)


def read_posts(path: Path) -> list[Post]:
    """Read the posts that `write_posts` wrote, in their order.

    Raises:
        PipelineError: if the file is missing, damaged, or no table of posts.
    """
    columns = read_table(path, SCHEMA, "prepare").to_pydict()
    return [
        Post(post, split, image, tuple(tokens), tuple(labels), line)
        for post, split, image, tokens, labels, line in zip(*columns.values(), strict=True)
    ]
