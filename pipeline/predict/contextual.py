"""The contextual words of new posts, by the encoder that the stage `encode` runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from pipeline.corpus.posts import Post, words_key
from pipeline.device import find_device
from pipeline.errors import PipelineError
from pipeline.fingerprint import Fingerprint
from pipeline.language.words import WordEncoder, find_words
from pipeline.params.context import Encode
from pipeline.params.runtime import Runtime
from pipeline.predict.pictures import torch_threads


@dataclass(frozen=True)
class MadeWords:
    """The contextual words of one block; see `pipeline.training.context.WordRows`."""

    by_key: Mapping[str, np.ndarray]

    def check(self, posts: Collection[Post]) -> None:
        """They were made for these posts."""

    def rows(self, keys: Sequence[str]) -> list[np.ndarray]:
        """The words of each post."""
        return [self.by_key[key] for key in keys]


class NewContext:
    """The encoder of a model, which is loaded when the first post comes.

    Args:
        params: the encoder's block.
        runtime: the device and the batch.

    Raises:
        PipelineError: for weights that are missing or wrong.
    """

    def __init__(self, params: Encode, runtime: Runtime) -> None:
        self._found = find_words(params, runtime.weights_dir)
        self._runtime = runtime
        self._threads = torch.get_num_threads()

    @property
    def fingerprint(self) -> Fingerprint:
        """All that its rows depend on beside the words."""
        return self._found.fingerprint

    @cached_property
    def _encoder(self) -> WordEncoder:
        return self._found.load(find_device(self._runtime.device), self._runtime.batch)

    def make(self, posts: Sequence[Post]) -> MadeWords:
        """Encode a block of posts.

        Raises:
            PipelineError: for a post whose words are not finite.
        """
        by_key = {words_key(post.tokens): post for post in posts}
        with torch_threads(self._threads):
            rows = self._encoder.rows([post.tokens for post in by_key.values()])
        for post, row in zip(by_key.values(), rows, strict=True):
            if not np.isfinite(row).all():
                raise PipelineError(f"post {post.post}: its contextual words are not finite")
        return MadeWords(dict(zip(by_key, rows, strict=True)))
