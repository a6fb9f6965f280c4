"""The one way from posts to tags: encoded, batched by length, moved to the device, decoded."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pipeline.corpus.posts import Post
from pipeline.fit.batching import in_order
from pipeline.layers.lattice import Lattice
from pipeline.parallel import map_in_order
from pipeline.progress import Mode, progress
from pipeline.systems.system import Batch, Phrase, System
from pipeline.training.batches import EncodedPosts
from pipeline.training.caches import Beside, Caches
from pipeline.training.lexicon import Lexicon
from pipeline.training.model import TrainedModel

POSTS = 64  # are read at a time, however many a step of training takes: more cost less each

Looked = Mapping[str, npt.NDArray[np.float32]]  # kind -> (B, T, k), as `System.explain` gives it


class Tagger:
    """Tags posts with one network, which may still be in training, and tells what it looked at.

    Args:
        network: it is moved to `device`.
        lexicon: the words, characters and tags that it was built for.
        caches: what it reads beside the text, out of caches or made for new posts.
        device: where it runs.
    """

    def __init__(
        self,
        network: System,
        lexicon: Lexicon,
        caches: Beside,
        device: torch.device,
    ) -> None:
        self.network = network.to(device)
        self._lexicon = lexicon
        self._caches = caches
        self._device = device

    @classmethod
    def load(cls, model: TrainedModel, seed: int, caches: Caches, device: torch.device) -> Tagger:
        """The tagger of one seed of a model folder.

        Raises:
            PipelineError: for weights that are missing or damaged, and for caches of another
                origin than the model was trained on.
        """
        model.check_caches(caches)
        return cls(model.network(seed), model.lexicon, caches, device)

    def encode(self, posts: Sequence[Post]) -> EncodedPosts:
        """Posts as the tagger reads them; taggers of one lexicon and its caches may share them."""
        return EncodedPosts(posts, self._lexicon, self._caches)

    def tag(
        self, posts: EncodedPosts, bar: Mode = "none", title: str = "", threads: int = 1
    ) -> list[list[str]]:
        """The labels of each post, in the order of the posts.

        Args:
            posts: the posts.
            bar: how progress is shown (see `pipeline.progress`).
            title: stands before the progress.
            threads: so many batches are read at once; each computes with one thread of torch, so
                that the labels are the same in any case.
        """
        self.network.eval()
        parts = in_order(posts.lengths(), POSTS)
        batches = ((places, posts.batch(places)) for places in parts)
        tagged = map_in_order(self._tagged, batches, workers=threads, ahead=threads)
        found: dict[int, list[str]] = {}
        for labels in progress(tagged, len(parts), "batches", bar, title=title):
            found |= labels
        return [found[place] for place in range(len(posts))]

    @torch.no_grad()  # it holds for one thread
    def _tagged(self, item: tuple[Sequence[int], Batch]) -> dict[int, list[str]]:
        """The labels of one batch, by place."""
        places, batch = item
        if self._device.type == "cpu":
            torch.set_num_threads(1)  # for this thread alone
        decoded = self.network.decode(to_device(batch, self._device))
        return {
            place: [self._lexicon.tags[tag] for tag in ids]
            for place, ids in zip(places, decoded, strict=True)
        }

    @torch.no_grad()
    def read(self, posts: EncodedPosts, places: Sequence[int]) -> tuple[list[list[int]], Lattice]:
        """The best tag ids of one batch, the posts at `places`, and the distribution over all."""
        self.network.eval()
        batch = to_device(posts.batch(places), self._device)
        decoder, encoded = self.network.decoder, self.network.encode(batch)
        return decoder.decode(encoded, batch.mask), decoder.lattice(encoded, batch.mask)

    @torch.no_grad()
    def explain(
        self, posts: EncodedPosts, places: Sequence[int]
    ) -> Iterator[tuple[Sequence[int], Looked]]:
        """What the network looked at in the posts at `places`, in their order.

        Returns:
            For each batch the places of its B posts, and what was looked at in them.
        """
        self.network.eval()
        for start in range(0, len(places), POSTS):
            held = places[start : start + POSTS]
            looked = self.network.explain(to_device(posts.batch(held), self._device))
            yield held, {kind: value.float().cpu().numpy() for kind, value in looked.items()}


def to_device(batch: Batch, device: torch.device) -> Batch:
    """The batch with every tensor on `device`; to a GPU they go while it computes."""
    features = {name: _copied(value, device) for name, value in batch.features.items()}
    phrases = {name: Phrase(**_moved(phrase, device)) for name, phrase in batch.phrases.items()}
    return Batch(features=features, phrases=phrases, **_moved(batch, device))


def _moved(held: Batch | Phrase, device: torch.device) -> dict[str, Any]:
    """Those fields that are tensors, moved to `device`."""
    values = {field.name: getattr(held, field.name) for field in dataclasses.fields(held)}
    return {k: _copied(value, device) for k, value in values.items() if isinstance(value, Tensor)}


def _copied(value: Tensor, device: torch.device) -> Tensor:
    if device.type == "cuda":
        return value.pin_memory().to(device, non_blocking=True)
    return value.to(device)
