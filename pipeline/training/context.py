"""The contextual words of posts, out of the feature store of an encoder."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from pipeline.corpus.posts import Post, words_key
from pipeline.errors import PipelineError
from pipeline.params.context import NONE, ContextWords
from pipeline.store.reader import Reader

WORDS = "words"  # the output of such a store


class WordRows(Protocol):
    """Gives the contextual words of posts."""

    def check(self, posts: Collection[Post]) -> None:
        """Refuse posts that have none."""

    def rows(self, keys: Sequence[str]) -> list[np.ndarray]:
        """By key of the words (`words_key`), (T, layers, width) each; they may be views."""


class CachedWords:
    """Reads a store of contextual words.

    Raises:
        PipelineError: for a store that is half pulled.
    """

    def __init__(self, directory: Path) -> None:
        self._reader = Reader(directory)
        if WORDS not in self._reader.outputs:
            raise PipelineError(f"{directory}: no store of contextual words; name one of `encode`")

    @property
    def shape(self) -> tuple[int, ...]:
        """The form of one word: layers, width."""
        return self._reader.outputs[WORDS].shape

    @property
    def fingerprint(self) -> str:
        """The digest of the store's fingerprint."""
        return self._reader.fingerprint.digest

    @property
    def facts(self) -> Mapping[str, str]:
        """What a reader wants to know of it."""
        return {"encoder": self._reader.fingerprint.backbone}

    def check(self, posts: Collection[Post]) -> None:
        """Refuse a store of other posts.

        Raises:
            PipelineError: if a post has no row.
        """
        missing = sum(words_key(post.tokens) not in self._reader for post in posts)
        if missing:
            directory = self._reader.directory
            raise PipelineError(
                f"{directory}: lacks {missing} of these {len(posts)} posts: it belongs to another"
                f" corpus or is out of date; run `dvc repro encode@{directory.name}`, or `dvc pull`"
            )

    def rows(self, keys: Sequence[str]) -> list[np.ndarray]:
        """The rows as they lie in the mapped files."""
        return self._reader.views(WORDS, keys)


def open_context(params: ContextWords, given: Path | None) -> CachedWords | None:
    """Open the contextual words that a system's block names; None if it reads none.

    Args:
        params: the part of the block.
        given: what the stage passes: a store bears its encoder's name, and a file `none` stands for
            no store, as no path does.

    Raises:
        PipelineError: if that is another one, and as `CachedWords` raises it.
    """
    name = NONE if given is None else given.name
    if name != params.store:
        raise PipelineError(
            f"params name the contextual words {params.store!r}, but --context is {name!r}"
        )
    return CachedWords(given) if given is not None and params.read else None


def padded(rows: Sequence[np.ndarray]) -> Tensor:
    """Rows (T_i, layers, width) with zeros behind: (B, T, layers, width), copied once."""
    longest = max(map(len, rows))
    held = np.zeros((len(rows), longest, *rows[0].shape[1:]), rows[0].dtype)
    for at, row in enumerate(rows):
        held[at, : len(row)] = row
    return torch.from_numpy(held)
