"""Tag every post by a text-only model that never saw the post's labels.

Train posts are split into folds, and each fold is tagged by a model of all the others; dev and test
are tagged by a model of all train posts. A model that was trained on a post would find all of its
names. So the names that are found are equally reliable in train and in test, and so is what is
built on them (the mentions whose entities are looked up). All posts of one text, such as retweets,
are in one fold, so that no copy of a post tells its labels either. Dev chooses each model's epoch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from pipeline.corpus.posts import Post, read_posts
from pipeline.device import steady_device
from pipeline.errors import PipelineError
from pipeline.fit.resume import Slots
from pipeline.metrics.spans import Span, strict_spans
from pipeline.parallel import Say
from pipeline.params.runtime import Runtime
from pipeline.params.tag_posts import TagPosts
from pipeline.progress import Mode
from pipeline.systems.system import System, SystemParams
from pipeline.tables.parquet import write_table
from pipeline.training.caches import open_caches
from pipeline.training.context import open_context
from pipeline.training.lexicon import assemble
from pipeline.training.side_by_side import side_by_side
from pipeline.training.tagger import Tagger
from pipeline.training.train import Run, check_vectors, gather, of_split, train_network

SCHEMA = pa.schema(
    [
        pa.field("post", pa.string(), nullable=False),
        pa.field("start", pa.int32(), nullable=False),  # first token of the name, from 0
        pa.field("end", pa.int32(), nullable=False),  # token behind its last
        pa.field("type", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True)
class TagFiles:
    """What the taggers read, and the table that is written."""

    posts: Path
    vocab: Path  # folder of the vocabularies
    vectors: Mapping[str, Path]  # source -> its vector file, in the order of `params.vectors`
    tagged: Path  # written: post, start, end, type, in the order of the posts
    context: Path | None = None  # as `TrainFiles.context`


@dataclass(frozen=True)
class Report:
    """What was tagged; `str(report)` is for the terminal."""

    system: str
    folds: int
    texts: int  # distinct texts of train
    posts: int
    spans: int
    posts_with_span: int

    def __str__(self) -> str:
        return (
            f"{self.spans} names in {self.posts_with_span} of {self.posts} posts by {self.system}: "
            f"train in {self.folds} folds of {self.texts} distinct texts, dev and test by a model "
            "of all"
        )


def tag_posts(
    system: type[System],
    params: SystemParams,
    options: TagPosts,
    files: TagFiles,
    runtime: Runtime,
    say: Say,
) -> Report:
    """Write the names that a text-only system finds in each post.

    Args:
        system: it reads no cache but contextual words.
        params: its block.
        options: the folds, the seed of them and of every training, and how long each may train.
        files: what is read and written.
        runtime: where the networks run, how many at once, and how progress is shown.
        say: is told a line a model.

    Raises:
        PipelineError: for a system that reads more than text, for fewer distinct train texts than
            folds, and for what training refuses.
    """
    if system.reads:
        raise PipelineError(f"{system.name} reads images; name a system that reads text alone")
    device = steady_device(runtime.device, runtime.deterministic)
    params = params.capped(options.max_epochs, None)
    check_vectors(system, params, files.vectors)
    words = assemble(files.vocab, files.vectors, params.removed_vectors)
    rows = read_posts(files.posts)
    train, dev = (of_split(rows, split, files.posts) for split in ("train", "dev"))
    test = [row for row in rows if row.split == "test"]
    texts = {row.post: tuple(words.lexicon.word(token) for token in row.tokens) for row in train}
    fold = deal(texts, options.folds, options.seed)
    caches = open_caches(system.reads, {}, None, open_context(params.context, files.context))
    decides = {
        "params": params.model_dump(),
        "options": options.model_dump(),
        "device": device.type,
    }
    context = [] if files.context is None else [files.context]
    read = [files.posts, files.vocab, *files.vectors.values(), *context]
    slots = Slots("tag_posts", runtime, decides, read)

    def tag(number: int | None, bar: Mode, say: Say) -> tuple[dict[str, list[str]], str]:
        """Tag a fold, or dev and test for None; the labels by post, and a line about the model."""
        seen = [row for row in train if fold[row.post] != number]
        unseen = [row for row in train if fold[row.post] == number] or [*dev, *test]
        corpus = gather(seen, dev, words, caches)
        name = "all" if number is None else f"all but fold {number + 1}"
        slot = slots.of("all" if number is None else f"fold-{number + 1}", say)
        run = Run(options.seed, device, bar, _silent, slot)
        tagger, fitted = train_network(system, params, corpus, run)
        line = f"{system.name}, {name}: {len(seen)} posts seen, dev F1 {fitted.best.score:.2f}"
        return _tag(tagger, unseen), line

    labels: dict[str, list[str]] = {}
    models = [*range(options.folds), None]
    with closing(side_by_side(tag, models, device, runtime, say)) as results:
        for found, line in results:
            labels |= found
            say(line)
    spans = {row.post: strict_spans(labels[row.post]) for row in rows}
    write_tagged(spans, files.tagged)
    slots.clear()
    count, any_ = sum(map(len, spans.values())), sum(map(bool, spans.values()))
    return Report(system.name, options.folds, len(set(texts.values())), len(rows), count, any_)


def deal(texts: Mapping[str, tuple[str, ...]], folds: int, seed: int) -> dict[str, int]:
    """The fold of each post, from 0; all posts of one text are in one fold.

    The distinct texts are dealt out in turn, in the order of their hashes with `seed`.

    Args:
        texts: post -> its words.
        folds: their number.
        seed: enters the hashes.

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


def _tag(tagger: Tagger, posts: Sequence[Post]) -> dict[str, list[str]]:
    """The labels of posts, by post."""
    found = tagger.tag(tagger.encode(posts))
    return {post.post: labels for post, labels in zip(posts, found, strict=True)}


def _silent(_: object) -> None:
    """Nothing is told of single epochs."""
