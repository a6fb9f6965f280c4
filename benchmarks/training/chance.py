"""Twitter2015's text with features and phrases drawn by chance, which cost what real ones cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
import torch
from torch import Tensor

from benchmarks.corpus import Corpus
from pipeline.corpus.posts import Post, read_posts
from pipeline.errors import PipelineError
from pipeline.params.vectors import VectorSource
from pipeline.systems.system import Inputs, PhraseWords, System
from pipeline.tables.phrases import WeightedWords
from pipeline.training import train
from pipeline.training.batches import EncodedPosts
from pipeline.training.lexicon import assemble

SHAPES = {"regions": (49, 512), "tags": (2048,), "image_words": (5,)}  # of VGG16 and InceptionV3
CLASSES = 1000
PHRASES = {"captions": 10, "hashtags": 2, "attributes": 5, "knowledge": 6}  # words of a post's
IMAGES = 4000  # that differ
VECTORS = "glove100"


def make_corpus(data: Path, folder: Path) -> None:
    """Twitter2015's posts, vocabulary and vectors."""
    files = {split: data / "twitter2015" / f"{split}.txt" for split in ("train", "dev", "test")}
    glove = data / "vectors" / "glove.6B.100d.tweets.txt.gz"
    for path in (*files.values(), glove):
        if not path.exists():
            raise PipelineError(f"{path}: needs Twitter2015 and GloVe's 100 dimensions there")
    corpus = Corpus(folder, files, None)
    made = corpus.vectors(VectorSource(kind="text", path=str(glove), package=None, width=100))
    made.rename(folder / f"{VECTORS}.parquet")


class ByChance:
    """Features and phrases of any post, the same each time: what `Caches` gives, without files.

    Args:
        system: what it reads is drawn.
        text: words as often as posts have them: a phrase, too, has few words that are rare.
    """

    def __init__(self, system: type[System], text: Sequence[str]) -> None:
        random = np.random.default_rng(1)
        self._words = np.array([word for word in text if word.isalpha()])
        self._phrases = [read.cache for read in system.reads if isinstance(read, PhraseWords)]
        self.shapes = {
            read.cache: SHAPES[read.cache]
            for read in system.reads
            if not isinstance(read, PhraseWords)
        }
        self._held = {
            cache: random.integers(CLASSES, size=(IMAGES, *shape))
            if cache == "image_words"
            else random.random((IMAGES, *shape), np.float32).astype(np.float16)
            for cache, shape in self.shapes.items()
        }
        self.features = self.phrases = self
        self.context = None

    def read(self, images: Sequence[str | None]) -> tuple[dict[str, Tensor], Tensor]:
        """As `ImageFeatures.read`; every image is there."""
        rows = [crc32(str(image).encode()) % IMAGES for image in images]  # the same in any process
        found = {cache: torch.from_numpy(held[rows]) for cache, held in self._held.items()}
        return (
            {cache: x.float() if x.is_floating_point() else x for cache, x in found.items()},
            torch.ones(len(images), dtype=torch.bool),
        )

    def of(self, posts: Sequence[Post]) -> list[dict[str, WeightedWords]]:
        """As `Phrases.of`; no post lacks one."""
        random = np.random.default_rng(len(posts))
        return [
            {
                cache: WeightedWords(
                    tuple(random.choice(self._words, PHRASES[cache])),
                    tuple(random.random(PHRASES[cache]).tolist()),
                )
                for cache in self._phrases
            }
            for _ in posts
        ]


@dataclass(frozen=True)
class Drawn:
    """What a system trains on, and test to tag."""

    corpus: train.Corpus
    test: EncodedPosts


def draw(system: type[System], folder: Path) -> Drawn:
    """The corpus that `make_corpus` made in a folder, with all that the system reads beside it."""
    words = assemble(folder / "vocab", {VECTORS: folder / f"{VECTORS}.parquet"})
    posts = read_posts(folder / "posts.parquet")
    of = {split: [p for p in posts if p.split == split] for split in ("train", "dev", "test")}
    beside = ByChance(system, [token for post in of["train"] for token in post.tokens])
    encoded = {split: EncodedPosts(held, words.lexicon, beside) for split, held in of.items()}
    inputs = Inputs(
        words.vectors,
        words.found,
        len(words.lexicon.characters),
        words.lexicon.tags,
        beside.shapes,
        CLASSES,
    )
    corpus = train.Corpus(
        encoded["train"],
        encoded["dev"],
        [post.labels for post in of["dev"]],
        beside,  # type: ignore[arg-type]  # no file is behind it
        words.lexicon,
        inputs,
        words.widths,
    )
    return Drawn(corpus, encoded["test"])
