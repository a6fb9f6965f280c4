"""The table of posts, from which every later stage reads the text of the corpus."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from pipeline.fingerprint import digest
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
    """One post as its file has it, except that types are renamed; labels are not mended.

    Attributes:
        post: the id, `split/ordinal`, counted from 0.
        split: "train", "dev" or "test".
        image: the id of its image, or None.
        tokens: its tokens as they stand.
        labels: the BIO label of each token.
        line: the number of its IMGID line, or of its first token if the corpus has no images.
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


def words_key(tokens: Sequence[str]) -> str:
    """The SHA-256 of a sequence of words: equal texts share one row of a feature store."""
    return digest(list(tokens))


def write_posts(posts: Iterable[Post], path: Path) -> None:
    """Write `posts` in their order."""
    rows = list(posts)
    columns = {name: [getattr(post, name) for post in rows] for name in SCHEMA.names}
    write_table(pa.table(columns, SCHEMA), path)


def read_posts(path: Path) -> list[Post]:
    """Read the posts that `write_posts` wrote, in their order.

    Raises:
        PipelineError: if the file is missing, damaged, or not a table of posts.
    """
    columns = read_table(path, SCHEMA, "prepare").to_pydict()
    return [
        Post(post, split, image, tuple(tokens), tuple(labels), line)
        for post, split, image, tokens, labels, line in zip(*columns.values(), strict=True)
    ]
