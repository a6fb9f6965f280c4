"""What a system reads beside the text, made for new posts in memory, as the stages make it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipeline.corpus.posts import Post
from pipeline.errors import PipelineError
from pipeline.fingerprint import Output
from pipeline.params.context import Encode
from pipeline.params.extract import Extract
from pipeline.params.runtime import Runtime
from pipeline.params.tags import Tags
from pipeline.predict.chain import Chain
from pipeline.predict.contextual import MadeWords, NewContext
from pipeline.predict.phrases import MAKERS, AttributeMaker, Maker, Phrase
from pipeline.predict.pictures import RoleNetwork, Seen
from pipeline.systems.system import CONTEXT, ImageClasses, StoreOutput
from pipeline.tables.phrases import WeightedWords
from pipeline.training.caches import masked
from pipeline.training.model import TrainedModel
from pipeline.vision.decode import File
from pipeline.vision.tags import LOGITS, top


@dataclass(frozen=True)
class Features:
    """The features of the images of one block; see `pipeline.training.caches.FeatureRows`."""

    shas: Mapping[str, str]  # image of a post -> sha256
    forms: Mapping[str, Output]  # cache -> the form of a row
    rows: Mapping[str, Callable[[Sequence[str]], np.ndarray]]  # cache -> the rows of images

    def read(self, images: Sequence[str | None]) -> tuple[dict[str, Tensor], Tensor]:
        """The features of B images, and which are there."""
        keys = [self.shas.get(image) if image is not None else None for image in images]
        there = torch.tensor([key is not None for key in keys])  # (B,)
        return {c: masked(keys, form, self.rows[c]) for c, form in self.forms.items()}, there


@dataclass(frozen=True)
class PhrasesOf:
    """The phrases of one block; see `pipeline.training.caches.PhraseFinder`."""

    by_post: Mapping[str, Mapping[str, Phrase]]  # post -> cache -> phrase

    def of(self, posts: Sequence[Post]) -> list[dict[str, WeightedWords]]:
        """The words of each post by cache."""
        return [
            {cache: phrase.words for cache, phrase in self.by_post[post.post].items()}
            for post in posts
        ]


@dataclass(frozen=True)
class Made:
    """All that was made for one block; see `pipeline.training.caches.Beside`."""

    features: Features
    phrases: PhrasesOf
    context: MadeWords | None
    told: Mapping[str, Mapping[str, Any]]  # post -> cache -> how its words came about, for JSON


class Links:
    """The links of the chain between raw posts and a model.

    Args:
        model: the model.
        chain: its params and files.
        runtime: where the image networks run.
        say: is told what a person should read.

    Raises:
        PipelineError: for a link that is missing, or that is another than the model was trained on.
    """

    def __init__(
        self, model: TrainedModel, chain: Chain, runtime: Runtime, say: Callable[[str], None]
    ) -> None:
        reads = model.system.reads
        self._stores = [read for read in reads if isinstance(read, StoreOutput)]
        self._classes = [read for read in reads if isinstance(read, ImageClasses)]
        roles = sorted({read.role for read in reads if read.role is not None})
        self._networks = {
            role: RoleNetwork(chain.block(f"extract.{role}", Extract), runtime, say)
            for role in roles
        }
        of_images: list[StoreOutput | ImageClasses] = [*self._stores, *self._classes]
        for read in of_images:
            self._check(model, chain, read.cache, self._networks[read.role].fingerprint.digest)
        self._top = chain.block("tags", Tags).top_k if self._classes else 0
        self._namers = {read.cache: AttributeMaker(chain, self._networks) for read in self._classes}
        self._makers: dict[str, Maker] = {}
        for cache in model.system.phrase_tables():
            if cache not in MAKERS:
                raise PipelineError(
                    f"{cache}: nothing makes these phrases for new posts: add it"
                    " to MAKERS of pipeline/predict/phrases.py"
                )
            maker = MAKERS[cache](chain, self._networks)
            self._check(model, chain, cache, maker.fingerprint)
            self._makers[cache] = maker
        self._context: NewContext | None = None
        if model.params.context.read:
            encoder = f"context.encoders.{model.params.context.store}"
            self._context = NewContext(chain.block(encoder, Encode), runtime)
            self._check(model, chain, CONTEXT, self._context.fingerprint.digest)

    @property
    def sees(self) -> bool:
        """Whether pictures matter to the model."""
        return bool(self._networks)

    @property
    def networks(self) -> dict[str, str]:
        """The name of each network that the model needs: of a role's images, of the context."""
        words = {} if self._context is None else {CONTEXT: self._context.fingerprint.backbone}
        return {role: net.fingerprint.backbone for role, net in self._networks.items()} | words

    def make(self, posts: Sequence[Post], files: Mapping[str, File]) -> Made:
        """Make everything for a block of posts.

        Args:
            posts: the posts.
            files: image of a post -> its file, where it has one that can be used.
        """
        shas = {image: file.sha256 for image, file in files.items()}
        distinct = sorted({file.sha256: file for file in files.values()}.items())
        pictures = [file for _, file in distinct]
        seen = {role: network.see(pictures) for role, network in self._networks.items()}
        made = {cache: maker.make(posts, shas, seen) for cache, maker in self._makers.items()}
        by_post = {
            post.post: {cache: phrases[place] for cache, phrases in made.items()}
            for place, post in enumerate(posts)
        }
        named = {cache: namer.make(posts, shas, seen) for cache, namer in self._namers.items()}
        told = {
            post.post: {cache: found[place].told for cache, found in (made | named).items()}
            for place, post in enumerate(posts)
        }
        context = None if self._context is None else self._context.make(posts)
        return Made(self._features(shas, seen), PhrasesOf(by_post), context, told)

    def _features(self, shas: Mapping[str, str], seen: Mapping[str, Seen]) -> Features:
        forms: dict[str, Output] = {}
        rows: dict[str, Callable[[Sequence[str]], np.ndarray]] = {}
        for store in self._stores:
            network = seen[store.role]
            forms[store.cache] = network.fingerprint.outputs[store.output]
            rows[store.cache] = partial(network.rows, store.output)
        for words in self._classes:
            forms[words.cache] = Output((self._top,), "int32")
            rows[words.cache] = partial(_best, seen[words.role], self._top)
        return Features(shas, forms, rows)

    def _check(self, model: TrainedModel, chain: Chain, cache: str, digest: str) -> None:
        if (trained := model.fingerprints[cache]) != digest:
            facts = model.setting.caches.get(cache, {})
            told = ", ".join(f"{name} {value}" for name, value in sorted(facts.items()))
            raise PipelineError(
                f"{model.directory}: trained on {cache} with {told or 'another origin'} (digest"
                f" {trained[:12]}), but {chain.where} and the files here give {digest[:12]}: name"
                f" the same networks, weights and params there, or train the system again"
            )


def _best(seen: Seen, count: int, keys: Sequence[str]) -> np.ndarray:
    return top(seen.rows(LOGITS, keys), count)[0]
