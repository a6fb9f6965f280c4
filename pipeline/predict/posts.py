"""Rows as they came in, made ready: tokens with their places, and the picture's file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.corpus.bio import OUTSIDE
from pipeline.corpus.posts import Post
from pipeline.predict.batches import fault_of_length
from pipeline.predict.pictures import Folder
from pipeline.predict.records import Fault, Row
from pipeline.predict.tokens import Token, joined, tokenize
from pipeline.vision.decode import File

OnBadImage = Literal["error", "mask"]


@dataclass(frozen=True)
class Images:
    """Where the pictures of posts are, and what becomes of a post whose picture is bad."""

    folder: Path | None = None  # of pictures that posts name by id
    base: Path = Path()  # else posts name paths, seen from here
    on_bad: OnBadImage = "error"  # mask: the post is read as one without a picture


@dataclass(frozen=True)
class Ready:
    """A row that can be tagged."""

    text: str
    tokens: Sequence[Token]
    post: Post  # its labels mean nothing
    named: str | None  # the picture that the row names
    file: File | None
    note: str  # why it is read without that picture


def ready(row: Row, folder: Folder | None, on_bad: OnBadImage) -> Ready | Fault:
    """Make a row ready; its fault if it has one.

    Args:
        row: as it came in.
        folder: finds pictures; None if the system sees none.
        on_bad: what becomes of a row whose picture cannot be used.
    """
    if isinstance(row, Fault):
        return row
    if row.words is None:
        text, tokens = row.text, tokenize(row.text)
    else:
        text, tokens = joined(row.words)
    words = tuple(text[token.start : token.end] for token in tokens)
    if fault := fault_of_length(words):
        return Fault(row.id, row.line, fault)
    file, note = None, ""
    if row.image is not None and folder is not None:
        looked = folder.look(row.image)
        if isinstance(looked, File):
            file = looked
        else:
            note = f"the image {row.image!r} cannot be used: {looked}"
            if on_bad == "error":
                return Fault(row.id, row.line, note)
    image = row.image if file is not None else None
    post = Post(row.id, "test", image, words, (OUTSIDE,) * len(words), row.line)
    return Ready(text, tokens, post, row.image, file, note)
