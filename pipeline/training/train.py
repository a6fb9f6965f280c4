"""Train one system on the caches, once for each seed. No image is ever opened here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from pipeline.corpus.posts import Post, read_posts
from pipeline.device import steady_device
from pipeline.errors import PipelineError
from pipeline.fit.batching import shuffled
from pipeline.fit.checkpoint import save
from pipeline.fit.loop import Epoch, Fitted, fit
from pipeline.fit.optimization import risks
from pipeline.fit.resume import Slot, Slots
from pipeline.layers.embedding import WordEmbedding
from pipeline.metrics.scores import strict_f1
from pipeline.parallel import Say, map_in_order
from pipeline.params.runtime import Runtime
from pipeline.params.train import Train
from pipeline.progress import Mode, progress
from pipeline.systems.system import CONTEXT, Batch, Inputs, System, SystemParams
from pipeline.training.batches import EncodedPosts
from pipeline.training.caches import Caches, open_caches
from pipeline.training.context import open_context
from pipeline.training.curves import Curves
from pipeline.training.lexicon import Lexicon, WordTable, assemble
from pipeline.training.model import TrainedModel
from pipeline.training.setting import Setting
from pipeline.training.side_by_side import side_by_side
from pipeline.training.tagger import Tagger, to_device

AHEAD = 2  # batches that are put together before they are asked for


@dataclass(frozen=True)
class TrainFiles:
    """What a training reads, and the two folders that it writes."""

    posts: Path  # train is trained on, dev selects the epoch, test stays unread
    vocab: Path  # folder of the vocabularies
    vectors: Mapping[str, Path]  # source -> its vector file, in the order of `params.vectors`
    phrase_vectors: Mapping[str, Sequence[Path]]  # source -> a file for each table of phrases
    images: Path | None  # the table of images, for systems that read what goes with images
    caches: Mapping[str, Path]  # cache -> folder of its feature store, or its table
    model: Path  # written: `pipeline.training.model`
    curves: Path  # written: the learning curves of each seed
    context: Path | None = None  # the store of contextual words; None, or a file `none`: no store

    def read(self) -> list[Path]:
        """What decides the trainings, beside params and code."""
        phrases = [path for paths in self.phrase_vectors.values() for path in paths]
        images = [] if self.images is None else [self.images]
        context = [] if self.context is None else [self.context]
        return [
            self.posts,
            self.vocab,
            *self.vectors.values(),
            *phrases,
            *images,
            *self.caches.values(),
            *context,
        ]


@dataclass(frozen=True)
class Corpus:
    """What all seeds of a run share."""

    train: EncodedPosts
    dev: EncodedPosts
    gold: list[tuple[str, ...]]  # the labels of dev
    caches: Caches
    lexicon: Lexicon
    inputs: Inputs
    widths: Mapping[str, int]  # source of word vectors -> their width


@dataclass(frozen=True)
class Run:
    """One training of several that share a corpus."""

    seed: int
    device: torch.device
    bar: Mode  # how progress is shown
    watch: Callable[[Epoch], None]  # is told of each epoch
    slot: Slot | None  # keeps the training's state; None: it is not kept


def train_system(
    system: type[System],
    params: SystemParams,
    train: Train,
    files: TrainFiles,
    runtime: Runtime,
    say: Say,
) -> None:
    """Train a system once a seed and write the models and their curves.

    Args:
        system: the system.
        params: its block of params.yaml.
        train: the seeds, and the limits of each training.
        files: what is read and written.
        runtime: where the networks run, how many at once, and how progress is shown.
        say: is told a line an epoch.

    Raises:
        PipelineError: for faults of the caches or the posts, for vectors or contextual words other
            than the block names, or a training that diverges.
    """
    device = steady_device(runtime.device, runtime.deterministic)
    params = params.capped(train.max_epochs, train.batch_posts)
    check_vectors(system, params, files.vectors)
    check_phrase_vectors(system, params, files.phrase_vectors)
    context = open_context(params.context, files.context)
    caches = open_caches(system.reads, files.caches, files.images, context)
    words = assemble(files.vocab, files.vectors, params.removed_vectors, files.phrase_vectors)
    posts = read_posts(files.posts)
    learnt, dev = (of_split(posts, split, files.posts) for split in ("train", "dev"))
    corpus = gather(learnt, dev, words, caches)
    for risk in risks(params.training):
        say(f"warning: {system.name}: {risk}")
    model = describe(system, params, train.seeds, corpus, files.model)
    model.write()
    decides = {"params": params.model_dump(), "device": device.type}
    slots = Slots(f"train_{system.name}", runtime, decides, files.read())

    def train_seed(seed: int, bar: Mode, say: Say) -> None:
        curves = Curves(files.curves / f"seed-{seed}")

        def watch(epoch: Epoch) -> None:
            curves.log(epoch)
            say(
                f"{system.name} seed {seed} epoch {epoch.epoch}: loss {epoch.loss:.3f}, "
                f"dev F1 {epoch.score:.2f}, {epoch.seconds:.1f} s"
            )

        run = Run(seed, device, bar, watch, slots.of(f"seed-{seed}", say))
        tagger, fitted = train_network(system, params, corpus, run)
        save(tagger.network, fitted, model.seed_folder(seed))
        best = fitted.best
        say(f"{system.name} seed {seed}: best epoch {best.epoch}, dev F1 {best.score:.2f}")

    with closing(side_by_side(train_seed, train.seeds, device, runtime, say)) as trained:
        for _ in trained:
            pass  # each seed has written its own files
    slots.clear()


def check_vectors(system: type[System], params: SystemParams, given: Mapping[str, Path]) -> None:
    """Refuse other sources of vectors than the block names, in order; one named twice counts once.

    Raises:
        PipelineError: where `given`, source -> its file, has others.
    """
    if list(given) != list(dict.fromkeys(params.vectors)):
        raise PipelineError(
            f"{system.name}: params name the vectors {params.vectors}, the stage passes "
            f"{list(given)}"
        )


def check_phrase_vectors(
    system: type[System], params: SystemParams, given: Mapping[str, Sequence[Path]]
) -> None:
    """Refuse to train if words of phrases would be unknown because a file of vectors is missing.

    Raises:
        PipelineError: unless `given`, source -> files, has a file of each source that the block
            names for each table of phrases that the system reads.
    """
    tables = len(system.phrase_tables())
    wanted = dict.fromkeys(params.vectors, tables) if tables else {}
    counts = {source: len(files) for source, files in given.items()}
    if counts != wanted:
        raise PipelineError(
            f"{system.name}: reads {tables} tables of phrases with the vectors {params.vectors}, "
            f"so that --phrase-vectors is needed {tables} times of each; it was given for {counts}"
        )


def train_network(
    system: type[System],
    params: SystemParams,
    corpus: Corpus,
    run: Run,
) -> tuple[Tagger, Fitted]:
    """Train one seed: a tagger with the weights of its best epoch, and the run's history."""
    seed, device = run.seed, run.device
    torch.manual_seed(seed)
    options = params.training
    network = system(params, corpus.inputs)
    tagger = Tagger(network, corpus.lexicon, corpus.caches, device)
    lengths = corpus.train.lengths()

    def batches(epoch: int) -> Iterable[Batch]:
        random = np.random.default_rng([seed, epoch])
        places = list(shuffled(lengths, options.batch_posts, random))
        # The next batches are put together while the network computes.
        read = map_in_order(
            lambda part: to_device(corpus.train.batch(part), device), places, workers=1, ahead=AHEAD
        )
        title = f"seed {seed} epoch {epoch}"
        return progress(read, len(places), "batches", run.bar, title=title)

    def score() -> float:
        return strict_f1(corpus.gold, tagger.tag(corpus.dev))

    tables = [part.lookup for part in network.modules() if isinstance(part, WordEmbedding)]
    fitted = fit(network, batches, network.loss, score, options, run.watch, run.slot, tables)
    return tagger, fitted


def gather(train: Sequence[Post], dev: Sequence[Post], words: WordTable, caches: Caches) -> Corpus:
    """Encode the posts to train on and to select by."""
    lexicon = words.lexicon
    inputs = Inputs(
        words.vectors,
        words.found,
        len(lexicon.characters),
        lexicon.tags,
        caches.shapes,
        caches.features.classes,
    )
    return Corpus(
        EncodedPosts(train, lexicon, caches),
        EncodedPosts(dev, lexicon, caches),
        [post.labels for post in dev],
        caches,
        lexicon,
        inputs,
        words.widths,
    )


def describe(
    system: type[System],
    params: SystemParams,
    seeds: Sequence[int],
    corpus: Corpus,
    directory: Path,
) -> TrainedModel:
    """The model folder of a system about to be trained."""
    training, used = params.training, {CONTEXT, *(read.cache for read in system.used(params))}
    setting = Setting(
        preset=params.preset,
        optimizer=f"{training.optimizer} {training.learning_rate:g}",
        vectors=corpus.widths,
        caches={name: facts for name, facts in corpus.caches.facts.items() if name in used},
    )
    return TrainedModel(
        directory=directory,
        system=system,
        params=params,
        seeds=seeds,
        lexicon=corpus.lexicon,
        word_width=int(corpus.inputs.table.shape[1]),
        shapes=dict(corpus.inputs.shapes),
        classes=corpus.inputs.classes,
        fingerprints=corpus.caches.fingerprints,
        setting=setting,
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
