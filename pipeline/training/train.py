"""Train one system on the caches, once for each seed. No image is ever opened here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline.corpus.posts import Post, read_posts
from pipeline.errors import PipelineError
from pipeline.fit.batching import in_order, shuffled
from pipeline.fit.checkpoint import save
from pipeline.fit.loop import Epoch, Fitted, fit
from pipeline.metrics.scores import strict_f1
from pipeline.progress import Mode, progress
from pipeline.systems.system import Batch, Inputs, System, SystemParams, find_system
from pipeline.tables.phrases import OUTPUT
from pipeline.training.batches import EncodedPosts
from pipeline.training.caches import Caches, open_caches
from pipeline.training.curves import Curves
from pipeline.training.lexicon import Lexicon, assemble
from pipeline.training.model import Description, tag, to_device


@dataclass(frozen=True)
class Corpus:
    """What all seeds of a run share."""

    train: EncodedPosts
    dev: EncodedPosts
    gold: list[tuple[str, ...]]  # of dev
    caches: Caches
    lexicon: Lexicon
    inputs: Inputs


def train_system(
    system: str,
    params: SystemParams,
    seeds: Sequence[int],
    posts: Path,
    vocab: Path,
    vectors: Mapping[str, Path],
    images: Path | None,
    caches: Mapping[str, Path],
    model: Path,
    curves: Path,
    *,
    device: torch.device,
    bar: Mode,
    say: Callable[[str], None],
    phrase_vectors: Mapping[str, Sequence[Path]] | None = None,
) -> None:
    """Train `system` once a seed and write the models and their curves.

    Args:
        system: its name, a file of `pipeline/systems/`.
        params: its block of params.yaml.
        seeds: one training run each.
        posts: the table of posts; train is trained on, dev selects the epoch, test stays unread.
        vocab: folder of the vocabularies.
        vectors: source -> its vector file; the sources that `params.vectors` names, in order;
            one that it names twice counts once.
        images: the table of images, for systems that read what goes with images.
        caches: cache -> folder of its feature store, or its table of image words or phrases.
        model: folder written: `system.json`, `lexicon.json`, `seed-N/`.
        curves: folder written: DVCLive's curves of each seed.
        device: where the network runs.
        bar: how progress is shown (see `pipeline.progress`).
        say: is told a line an epoch.
        phrase_vectors: source -> its vectors of the phrases' words, a file for each table.

    Raises:
        PipelineError: for faults of the caches or the posts, or a training that diverges.
    """
    check_vectors(system, params.vectors, vectors)
    module = find_system(system)
    opened = open_caches(module.REQUIRES, caches, images)
    further = phrase_vectors or {}
    check_phrase_vectors(system, params.vectors, list(module.REQUIRES.values()), further)
    words = assemble(vocab, vectors, params.removed_vectors, further)
    read = read_posts(posts)
    train, dev = of_split(read, "train", posts), of_split(read, "dev", posts)
    corpus = gather(train, dev, words, opened)
    for risk in params.training.risks():
        say(f"warning: {system}: {risk}")
    model.mkdir(parents=True, exist_ok=True)
    corpus.lexicon.write(model / "lexicon.json")
    Description.of(system, params, seeds, corpus.inputs, corpus.caches).write(model)
    for seed in seeds:
        with Curves(curves / f"seed-{seed}") as curve:

            def watch(epoch: Epoch, seed: int = seed, curve: Curves = curve) -> None:
                curve.log(epoch)
                say(
                    f"{system} seed {seed} epoch {epoch.epoch}: loss {epoch.loss:.3f}, "
                    f"dev F1 {epoch.score:.2f}, {epoch.seconds:.1f} s"
                )

            network, fitted = train_network(system, params, corpus, seed, device, bar, watch)
        save(network, fitted, model / f"seed-{seed}")
        say(f"{system} seed {seed}: best epoch {fitted.best.epoch}, dev F1 {fitted.best.score:.2f}")


def check_vectors(system: str, named: Sequence[str], given: Mapping[str, Path]) -> None:
    """Refuse other sources of vectors than `named`, in order; one named twice counts once.

    Raises:
        PipelineError: where `given`, source -> its file, has others.
    """
    if list(given) != list(dict.fromkeys(named)):
        raise PipelineError(
            f"{system}: params name the vectors {list(named)}, the stage passes {list(given)}"
        )


def check_phrase_vectors(
    system: str,
    sources: Sequence[str],
    outputs: Sequence[str],
    given: Mapping[str, Sequence[Path]],
) -> None:
    """Refuse to train with words of phrases that would be unknown for want of a file.

    Args:
        system: the system's name, for the message.
        sources: those whose vectors it reads.
        outputs: what it reads of each of its caches.
        given: source -> files of its vectors of phrases' words.

    Raises:
        PipelineError: unless there is a file of each source for each table of phrases.
    """
    tables = outputs.count(OUTPUT)
    wanted = dict.fromkeys(sources, tables) if tables else {}
    counts = {source: len(files) for source, files in given.items()}
    if counts != wanted:
        raise PipelineError(
            f"{system}: reads {tables} tables of phrases with the vectors {list(sources)}, so that "
            f"--phrase-vectors is needed {tables} times of each; it was given for {counts}"
        )


def train_network(
    system: str,
    params: SystemParams,
    corpus: Corpus,
    seed: int,
    device: torch.device,
    bar: Mode,
    watch: Callable[[Epoch], None],
) -> tuple[System, Fitted]:
    """One seed's run: the network with the weights of its best epoch, and how it went."""
    torch.manual_seed(seed)
    network = find_system(system).build(params, corpus.inputs).to(device)
    options = params.training
    lengths = corpus.train.lengths()
    tests = in_order(corpus.dev.lengths(), options.batch_posts)

    def batches(epoch: int) -> Iterable[Batch]:
        random = np.random.default_rng([seed, epoch])
        places = list(shuffled(lengths, options.batch_posts, random))
        read = (to_device(corpus.train.batch(p, corpus.caches.features), device) for p in places)
        return progress(read, len(places), "batches", bar, title=f"seed {seed} epoch {epoch}")

    def score() -> float:
        read = (corpus.dev.batch(places, corpus.caches.features) for places in tests)
        predicted = tag(network, read, tests, corpus.lexicon.tags, device)
        return strict_f1(corpus.gold, predicted)

    return network, fit(network, batches, network.loss, score, options, watch)


def gather(
    train: Sequence[Post],
    dev: Sequence[Post],
    words: tuple[Lexicon, Tensor, Tensor],
    caches: Caches,
) -> Corpus:
    """Encode the posts to train on and to select by; `words` as `assemble` gives them."""
    lexicon, table, found = words
    features = caches.features
    inputs = Inputs(
        table, found, len(lexicon.characters), lexicon.tags, features.shapes, features.classes
    )
    return Corpus(
        EncodedPosts(train, lexicon, caches.phrases),
        EncodedPosts(dev, lexicon, caches.phrases),
        [post.labels for post in dev],
        caches,
        lexicon,
        inputs,
    )


def of_split(posts: Sequence[Post], split: str, path: Path) -> list[Post]:
    """The posts of a split.

    Raises:
        PipelineError: naming `path`, the table that they come from, if there are none.
    """
    found = [post for post in posts if post.split == split]
    if not found:
        raise PipelineError(f"{path}: the split {split!r} has no post")
    return found
