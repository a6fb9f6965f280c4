"""Names that a text-only tagger of ours finds in every post, none by a model that saw its labels.

Train posts are split into folds, and each fold is tagged by a model of all the others; dev and test
are tagged by a model of all train posts. What stands on these names (the mentions whose entities
are looked up) is then of one kind in train and in test: a model that was trained on a post would
find all of its names. Posts of one text, as a retweet is, are in one fold, so that no copy of a
post tells its labels either. Dev chooses each model's epoch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import torch

from pipeline.corpus.posts import Post, read_posts
from pipeline.errors import PipelineError
from pipeline.fit.batching import in_order
from pipeline.metrics.spans import Span, strict_spans
from pipeline.progress import Mode
from pipeline.systems.system import System, SystemParams, find_system
from pipeline.tables.parquet import write_table
from pipeline.training.batches import EncodedPosts
from pipeline.training.caches import open_caches
from pipeline.training.lexicon import assemble
from pipeline.training.model import tag
from pipeline.training.train import Corpus, check_vectors, gather, of_split, train_network

SCHEMA = pa.schema(
    [
        pa.field("post", pa.string(), nullable=False),
        pa.field("start", pa.int32(), nullable=False),  # of its tokens, from 0
        pa.field("end", pa.int32(), nullable=False),  # exclusive
        pa.field("type", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True)
class Report:
    """What was tagged; `str(report)` is for the terminal."""

    system: str
    folds: int
    texts: int  # distinct ones of train
    posts: int
    spans: int
    tagged: int  # posts with a span

    def __str__(self) -> str:
        return (
            f"{self.spans} names in {self.tagged} of {self.posts} posts by {self.system}: train in "
            f"{self.folds} folds of {self.texts} distinct texts, dev and test by a model of all"
        )


def tag_posts(
    system: str,
    params: SystemParams,
    folds: int,
    seed: int,
    posts: Path,
    vocab: Path,
    vectors: Mapping[str, Path],
    tagged: Path,
    *,
    device: torch.device,
    bar: Mode,
    say: Callable[[str], None],
) -> Report:
    """Write the names that a text-only system finds in each post.

    Args:
        system: the system's name; it requires no cache.
        params: its block.
        folds: of the train posts, at least 2.
        seed: of the folds and of every training.
        posts: the table of posts.
        vocab: folder of the vocabularies.
        vectors: source -> its vector file; the sources that `params.vectors` names, in order.
        tagged: where the table goes: post, start, end, type, in the order of the posts.
        device: where the networks run.
        bar: how progress is shown.
        say: is told a line a model.

    Raises:
        PipelineError: for a system that reads more than text, for fewer distinct train texts than
            folds, and for what training refuses.
    """
    if find_system(system).REQUIRES:
        raise PipelineError(f"{system} reads images; name a system that reads text alone")
    check_vectors(system, params.vectors, vectors)
    words = assemble(vocab, vectors, params.removed_vectors)
    rows = read_posts(posts)
    train, dev = of_split(rows, "train", posts), of_split(rows, "dev", posts)
    test = [row for row in rows if row.split == "test"]
    texts = {row.post: tuple(words[0].word(token) for token in row.tokens) for row in train}
    fold = deal(texts, folds, seed)
    caches = open_caches({}, {}, None)
    labels: dict[str, list[str]] = {}
    for number in [*range(folds), None]:
        wanted = [row for row in train if fold[row.post] == number] if number is not None else []
        wanted = wanted or [*dev, *test]
        seen = [row for row in train if fold[row.post] != number]
        corpus = gather(seen, dev, words, caches)
        network, fitted = train_network(system, params, corpus, seed, device, bar, _silent)
        labels |= _tag(network, corpus, wanted, params.training.batch_posts, device)
        name = "all" if number is None else f"all but fold {number + 1}"
        say(f"{system}, {name}: {len(seen)} posts seen, dev F1 {fitted.best.score:.2f}")
    spans = {row.post: strict_spans(labels[row.post]) for row in rows}
    write_tagged(spans, tagged)
    count, any_ = sum(map(len, spans.values())), sum(map(bool, spans.values()))
    return Report(system, folds, len(set(texts.values())), len(rows), count, any_)


def deal(texts: Mapping[str, tuple[str, ...]], folds: int, seed: int) -> dict[str, int]:
    """The fold of each post, from 0: all posts of one text in one.

    The distinct texts are dealt out in turn, in the order of their hashes with `seed`.

    Args:
        texts: post -> its words.
        folds: how many.
        seed: of the hash.

    Raises:
        PipelineError: for fewer distinct texts than folds.
    """
    distinct = set(texts.values())
    if len(distinct) < folds:
        raise PipelineError(
            f"tag_posts.folds is {folds}, but train has {len(distinct)} distinct texts; lower it"
        )
    hashed = {text: _hash(text, seed) for text in distinct}
    order = sorted(distinct, key=hashed.__getitem__)
    fold = {text: place % folds for place, text in enumerate(order)}
    return {post: fold[text] for post, text in texts.items()}


def write_tagged(spans: Mapping[str, Sequence[Span]], path: Path) -> None:
    """Write the spans of each post, in the order of `spans`."""
    rows = [(post, *span) for post, found in spans.items() for span in found]
    columns = list(zip(*rows, strict=True)) or [()] * len(SCHEMA)
    write_table(pa.table([list(column) for column in columns], SCHEMA), path)


def _hash(text: Sequence[str], seed: int) -> bytes:
    digest = hashlib.sha256(str(seed).encode())
    for word in text:
        digest.update(b"\0" + word.encode())
    return digest.digest()


def _tag(
    network: System,
    corpus: Corpus,
    posts: Sequence[Post],
    batch_posts: int,
    device: torch.device,
) -> dict[str, list[str]]:
    """The labels of posts, by post."""
    encoded = EncodedPosts(posts, corpus.lexicon)
    places = in_order(encoded.lengths(), batch_posts)
    batches = (encoded.batch(held, corpus.caches.features) for held in places)
    labels = tag(network, batches, places, corpus.lexicon.tags, device)
    return {post.post: found for post, found in zip(posts, labels, strict=True)}


def _silent(_: object) -> None:
    """Nothing is told of single epochs."""
