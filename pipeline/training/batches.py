"""Posts as padded tensors: encoded once, batched by length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from pipeline.corpus.posts import Post, words_key
from pipeline.errors import PipelineError
from pipeline.layers.embedding import PAD, UNKNOWN
from pipeline.systems.system import Batch, Phrase
from pipeline.tables.phrases import WeightedWords
from pipeline.training.caches import Beside
from pipeline.training.context import padded
from pipeline.training.lexicon import Lexicon


@dataclass(frozen=True)
class EncodedPhrase:
    """The words that one table of phrases has for one post, as ids; there may be none (K = 0)."""

    words: np.ndarray  # (K,) int64
    spelling: np.ndarray  # (K,) int64, rows of the corpus's table of spellings
    weights: np.ndarray  # (K,) float32


@dataclass(frozen=True)
class Encoded:
    """One post as ids."""

    words: np.ndarray  # (T,) int64
    spelling: np.ndarray  # (T,) int64, as above
    tags: np.ndarray  # (T,) int64
    image: str | None
    phrases: Mapping[str, EncodedPhrase]  # cache -> the post's phrase
    key: str  # of its contextual words; empty if none are read


class EncodedPosts:
    """Posts as ids, with one row of characters for each distinct word in them.

    Args:
        posts: the posts.
        lexicon: the words, characters and tags that ids stand for.
        caches: the phrases of the posts, which are encoded as the posts are; the features of their
            images and their contextual words, which are read when a batch is made.

    Raises:
        PipelineError: for a label that the lexicon lacks, for a post without contextual words if
            they are read, and as `Phrases.of` raises it.
    """

    def __init__(self, posts: Sequence[Post], lexicon: Lexicon, caches: Beside) -> None:
        self._features = caches.features
        self._context = caches.context
        if self._context is not None:
            self._context.check(posts)
        # A post may hold the token "<pad>": it is an unknown word, not padding.
        words = {word: row for row, word in enumerate(lexicon.words) if row != PAD}
        tags = {tag: row for row, tag in enumerate(lexicon.tags)}
        characters = {
            character: row for row, character in enumerate(lexicon.characters) if row != PAD
        }
        found = caches.phrases.of(posts)
        spelled = {token for post in posts for token in post.tokens}
        spelled |= {word for by_cache in found for one in by_cache.values() for word in one.words}
        tokens = sorted(spelled)
        spelling = {token: row for row, token in enumerate(tokens)}
        word = {token: words.get(lexicon.word(token), UNKNOWN) for token in tokens}
        self._chars = [
            np.array([characters.get(c, UNKNOWN) for c in token], dtype=np.int64)
            for token in tokens
        ]

        def ids(table: Mapping[str, int], read: Sequence[str]) -> np.ndarray:
            return np.array([table[token] for token in read], dtype=np.int64)

        def encoded(phrase: WeightedWords) -> EncodedPhrase:
            weights = np.array(phrase.weights, dtype=np.float32)
            return EncodedPhrase(ids(word, phrase.words), ids(spelling, phrase.words), weights)

        self._posts = [
            Encoded(
                ids(word, post.tokens),
                ids(spelling, post.tokens),
                np.array(_tags(post, tags), dtype=np.int64),
                post.image,
                {cache: encoded(phrase) for cache, phrase in by_cache.items()},
                words_key(post.tokens) if self._context is not None else "",
            )
            for post, by_cache in zip(posts, found, strict=True)
        ]

    def __len__(self) -> int:
        return len(self._posts)

    def lengths(self) -> np.ndarray:
        """The number of tokens of each post: (posts,) int64."""
        return np.array([len(post.words) for post in self._posts], dtype=np.int64)

    def batch(self, places: Sequence[int]) -> Batch:
        """The posts at `places`, padded to the longest of them."""
        chosen = [self._posts[place] for place in places]
        mask = _padded([np.ones(len(post.words), dtype=bool) for post in chosen])  # (B, T)
        spelling = _padded([post.spelling for post in chosen])  # (B, T)
        read = [post.phrases[cache].spelling for post in chosen for cache in post.phrases]
        distinct = np.unique(np.concatenate([spelling[mask], *read]))  # (U,)
        spelling[mask] = np.searchsorted(distinct, spelling[mask])
        images, there = self._features.read([post.image for post in chosen])
        context = None
        if self._context is not None:
            context = padded(self._context.rows([post.key for post in chosen]))
        return Batch(
            words=torch.from_numpy(_padded([post.words for post in chosen])),  # (B, T)
            mask=torch.from_numpy(mask),  # (B, T)
            chars=torch.from_numpy(_padded([self._chars[token] for token in distinct])),  # (U, L)
            spelling=torch.from_numpy(spelling),  # (B, T)
            tags=torch.from_numpy(_padded([post.tags for post in chosen])),  # (B, T)
            features=images,
            has_image=there,
            phrases={
                cache: _phrase([post.phrases[cache] for post in chosen], distinct)
                for cache in chosen[0].phrases
            },
            context=context,  # (B, T, layers, width)
        )


def _tags(post: Post, tags: dict[str, int]) -> list[int]:
    unknown = [label for label in post.labels if label not in tags]
    if unknown:
        raise PipelineError(
            f"post {post.post}: the label {unknown[0]!r} is not in the label vocabulary "
            f"({', '.join(tags)}); run `dvc repro vocab`"
        )
    return [tags[label] for label in post.labels]


def _phrase(phrases: Sequence[EncodedPhrase], distinct: np.ndarray) -> Phrase:
    """Pad the phrases of B posts; a spelling becomes its row among the `distinct` ones (U,)."""
    there = [np.ones(len(phrase.words), dtype=bool) for phrase in phrases]
    spelling = [np.searchsorted(distinct, phrase.spelling) for phrase in phrases]
    return Phrase(
        words=torch.from_numpy(_padded([phrase.words for phrase in phrases])),  # (B, K)
        weights=torch.from_numpy(_padded([phrase.weights for phrase in phrases])),  # (B, K)
        mask=torch.from_numpy(_padded(there)),  # (B, K)
        spelling=torch.from_numpy(_padded(spelling)),  # (B, K)
    )


def _padded(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Pad rows of different lengths (n_i,) with zeros to one array (rows, longest or 1)."""
    longest = max(1, *(len(row) for row in rows))
    padded = np.zeros((len(rows), longest), dtype=rows[0].dtype)
    for at, row in enumerate(rows):
        padded[at, : len(row)] = row
    return padded
