"""Posts as padded tensors: encoded once, batched by length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from pipeline.corpus.posts import Post
from pipeline.errors import PipelineError
from pipeline.layers.embedding import PAD, UNKNOWN
from pipeline.systems.system import Batch
from pipeline.training.caches import ImageFeatures
from pipeline.training.lexicon import Lexicon


@dataclass(frozen=True)
class Encoded:
    """One post as ids."""

    words: np.ndarray  # (T,) int64
    spelling: np.ndarray  # (T,) int64, rows of the corpus's table of spellings
    tags: np.ndarray  # (T,) int64
    image: str | None


class EncodedPosts:
    """Posts as ids, with one row of characters for each distinct token of theirs."""

    def __init__(self, posts: Sequence[Post], lexicon: Lexicon) -> None:
        # The spelling of padding, met in a post, is a word like any other unknown one.
        words = {word: row for row, word in enumerate(lexicon.words) if row != PAD}
        tags = {tag: row for row, tag in enumerate(lexicon.tags)}
        characters = {
            character: row for row, character in enumerate(lexicon.characters) if row != PAD
        }
        tokens = sorted({token for post in posts for token in post.tokens})
        spelling = {token: row for row, token in enumerate(tokens)}
        word = {token: words.get(lexicon.word(token), UNKNOWN) for token in tokens}
        self._chars = [
            np.array([characters.get(c, UNKNOWN) for c in token], dtype=np.int64)
            for token in tokens
        ]
        self._posts = [
            Encoded(
                np.array([word[token] for token in post.tokens], dtype=np.int64),
                np.array([spelling[token] for token in post.tokens], dtype=np.int64),
                np.array(_tags(post, tags), dtype=np.int64),
                post.image,
            )
            for post in posts
        ]

    def __len__(self) -> int:
        return len(self._posts)

    def lengths(self) -> np.ndarray:
        """Tokens of each post: (posts,) int64."""
        return np.array([len(post.words) for post in self._posts], dtype=np.int64)

    def batch(self, places: Sequence[int], features: ImageFeatures) -> Batch:
        """The posts at `places`, padded to the longest of them."""
        chosen = [self._posts[place] for place in places]
        mask = _padded([np.ones(len(post.words), dtype=bool) for post in chosen])  # (B, T)
        spelling = _padded([post.spelling for post in chosen])  # (B, T)
        distinct, rows = np.unique(spelling[mask], return_inverse=True)  # (U,), (tokens,)
        spelling[mask] = rows
        images, there = features.read([post.image for post in chosen])
        return Batch(
            words=torch.from_numpy(_padded([post.words for post in chosen])),  # (B, T)
            mask=torch.from_numpy(mask),  # (B, T)
            chars=torch.from_numpy(_padded([self._chars[token] for token in distinct])),  # (U, L)
            spelling=torch.from_numpy(spelling),  # (B, T)
            tags=torch.from_numpy(_padded([post.tags for post in chosen])),  # (B, T)
            features=images,
            has_image=there,
        )


def _tags(post: Post, tags: dict[str, int]) -> list[int]:
    unknown = [label for label in post.labels if label not in tags]
    if unknown:
        raise PipelineError(
            f"post {post.post}: the label {unknown[0]!r} is not in the label vocabulary "
            f"({', '.join(tags)}); run `dvc repro vocab`, or add its split to vocab.splits"
        )
    return [tags[label] for label in post.labels]


def _padded(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Rows of differing length (n_i,) as one zero-padded array (rows, longest)."""
    padded = np.zeros((len(rows), max(len(row) for row in rows)), dtype=rows[0].dtype)
    for at, row in enumerate(rows):
        padded[at, : len(row)] = row
    return padded
