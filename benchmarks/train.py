"""How long training takes: an epoch of each system on Twitter2015's text, and one step by hand.

Region grids, pooled features, classes, captions and knowledge are drawn by chance: they cost what
real ones cost. Each measure runs in a process of its own, with one thread, and is told in seconds
of processor time, which other work on the machine disturbs least.
"""

from __future__ import annotations

import cProfile
import json
import pstats
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.corpus import Corpus, system_params
from benchmarks.literal import LiteralCoAttention
from pipeline.corpus.posts import Post, read_posts
from pipeline.errors import PipelineError
from pipeline.fit.loop import Epoch
from pipeline.fit.optimization import Optimizers
from pipeline.layers.embedding import WordEmbedding
from pipeline.params.vectors import VectorSource
from pipeline.systems.adaptive_coattention import AdaptiveCoAttention
from pipeline.systems.system import Batch, Inputs, PhraseWords, System, find_system, known_systems
from pipeline.tables.phrases import WeightedWords
from pipeline.training import train as training
from pipeline.training.batches import EncodedPosts
from pipeline.training.lexicon import assemble
from pipeline.training.train import Run, train_network

DATA = Path("../shared/data")
SHAPES = {"regions": (49, 512), "tags": (1280,), "image_words": (5,)}
CLASSES = 1000
PHRASES = {"captions": 10, "hashtags": 2, "attributes": 5, "knowledge": 6}  # words of a post's
STEP = {"posts": 16, "tokens": 35, "letters": 30, "spellings": 300}
TAGS = ("O", *(f"{prefix}-{kind}" for kind in ("LOC", "ORG", "OTHER", "PER") for prefix in "BI"))


@click.command()
@click.option("--system", "systems", multiple=True, help="default: every system")
@click.option("--data", type=click.Path(path_type=Path), default=DATA, show_default=True)
@click.option("--epochs", default=2, show_default=True, help="the last of them counts")
@click.option("--profile", is_flag=True, help="print where each system's epoch goes")
@click.option("--here", type=click.Path(path_type=Path), hidden=True, help="the made corpus")
def main(
    systems: tuple[str, ...], data: Path, epochs: int, profile: bool, here: Path | None
) -> dict[str, object]:
    """Measure an epoch, scoring and memory of each system, and the step of co-attention."""
    torch.set_num_threads(1)
    if here is not None:
        return epoch_of(systems[0], here, epochs, profile)
    found: dict[str, object] = {"adaptive_coattention_step": step()}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make_corpus(data, folder)
        cnn = None
        for system in ("cnn_bilstm_crf", *(systems or known_systems())):
            if system in found:
                continue
            measured = _alone(system, folder, epochs, profile)
            cnn = cnn or measured["epoch_s"]
            found[system] = measured | {"of_cnn": round(measured["epoch_s"] / cnn, 2)}
    return found


def _alone(system: str, folder: Path, epochs: int, profile: bool) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks", "train", "--system", system]
    command += ["--here", str(folder), "--epochs", str(epochs), *["--profile"] * profile]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    *lines, last = done.stdout.splitlines() or [""]
    click.echo("\n".join([f"{system}:", *lines]))
    if done.returncode:
        raise PipelineError(f"{system}: its process ended with status {done.returncode}")
    measured: dict[str, float] = json.loads(last)
    return measured


def make_corpus(data: Path, folder: Path) -> None:
    """Twitter2015's posts, vocabulary and vectors."""
    files = {split: data / "twitter2015" / f"{split}.txt" for split in ("train", "dev", "test")}
    glove = data / "vectors" / "glove.6B.100d.tweets.txt.gz"
    for path in (*files.values(), glove):
        if not path.exists():
            raise PipelineError(f"{path}: needs Twitter2015 and GloVe's 100 dimensions there")
    corpus = Corpus(folder, files, None)
    corpus.vectors(VectorSource(kind="text", path=str(glove), package=None, width=100))


class ByChance:
    """Features and phrases of any post, the same each time: what `Caches` gives, without files."""

    def __init__(self, system: type[System], words: Sequence[str]) -> None:
        random = np.random.default_rng(1)
        self._words = np.array([word for word in words if word.isalpha()])
        self._phrases = [read.cache for read in system.reads if isinstance(read, PhraseWords)]
        self.shapes = {
            read.cache: SHAPES[read.cache]
            for read in system.reads
            if not isinstance(read, PhraseWords)
        }
        self._held = {
            cache: random.integers(CLASSES, size=(4000, *shape))
            if cache == "image_words"
            else random.random((4000, *shape), np.float32).astype(np.float16)
            for cache, shape in self.shapes.items()
        }
        self.features = self.phrases = self
        self.context = None

    def read(self, images: Sequence[str | None]) -> tuple[dict[str, Tensor], Tensor]:
        """As `ImageFeatures.read`; every image is there."""
        rows = [hash(image) % 4000 for image in images]
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


def epoch_of(name: str, folder: Path, epochs: int, profile: bool) -> dict[str, object]:
    """Train a system in this process and score test, in processor time."""
    system = find_system(name)
    params = system_params(system, ["glove100"], [f"training.max_epochs={epochs}"])
    words = assemble(folder / "vocab", {"glove100": folder / "vectors-100.parquet"})
    posts = read_posts(folder / "posts.parquet")
    beside = ByChance(system, words.lexicon.words)
    of = {split: [p for p in posts if p.split == split] for split in ("train", "dev", "test")}
    encoded = {split: EncodedPosts(held, words.lexicon, beside) for split, held in of.items()}
    inputs = Inputs(
        words.vectors,
        words.found,
        len(words.lexicon.characters),
        words.lexicon.tags,
        beside.shapes,
        CLASSES,
    )
    corpus = training.Corpus(
        encoded["train"],
        encoded["dev"],
        [post.labels for post in of["dev"]],
        beside,  # type: ignore[arg-type]  # no file is behind it
        words.lexicon,
        inputs,
        words.widths,
    )
    marks = [time.process_time()]
    watched: list[Epoch] = []

    def watch(epoch: Epoch) -> None:
        watched.append(epoch)
        marks.append(time.process_time())

    run = Run(1, torch.device("cpu"), "none", watch, None)
    profiler = cProfile.Profile()
    if profile:
        profiler.enable()
    tagger, _ = train_network(system, params, corpus, run)
    if profile:
        profiler.disable()
        pstats.Stats(profiler).sort_stats("tottime").print_stats(12)
    started = time.process_time()
    tagger.tag(encoded["test"])
    return {
        "epoch_s": round(marks[-1] - marks[-2], 2),
        "evaluate_s": round(time.process_time() - started, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def step(seconds: float = 10.0) -> dict[str, float]:
    """A step of co-attention at the published sizes, ours against the literal form, in turns."""
    torch.manual_seed(1)
    posts, tokens, letters = STEP["posts"], STEP["tokens"], STEP["letters"]
    inputs = Inputs(
        torch.randn(23_000, 200),
        torch.ones(23_000, 200, dtype=torch.bool),
        100,
        TAGS,
        {"regions": SHAPES["regions"]},
    )
    chars = torch.randint(1, 100, (STEP["spellings"], letters))
    lengths = torch.randint(1, 12, (STEP["spellings"], 1))
    chars = chars * (torch.arange(letters) < lengths)
    batch = Batch(
        words=torch.randint(2, 23_000, (posts, tokens)),
        mask=torch.ones(posts, tokens, dtype=torch.bool),
        chars=chars,
        spelling=torch.randint(STEP["spellings"], (posts, tokens)),
        tags=torch.randint(len(TAGS), (posts, tokens)),
        features={"regions": torch.randn(posts, *SHAPES["regions"])},
        has_image=torch.ones(posts, dtype=torch.bool),
    )
    settings = ["model.char_padding=right", "model.char_length=30"]
    params = system_params(AdaptiveCoAttention, [], settings)
    assert isinstance(params, AdaptiveCoAttention.Params)
    ours = AdaptiveCoAttention(params, inputs)
    literal = LiteralCoAttention(params.model, inputs, SHAPES["regions"][-1])
    tables = [part.lookup for part in ours.modules() if isinstance(part, WordEmbedding)]
    dense = params.training.model_copy(update={"table": "dense"})
    spelled = chars[batch.spelling]  # (B, T, L)
    forms: dict[str, tuple[nn.Module, Optimizers, Callable[[], Tensor]]] = {
        "literal": (
            literal,
            Optimizers(literal, [], dense),
            lambda: literal.loss(batch, spelled),
        ),
        "ours": (ours, Optimizers(ours, tables, params.training), lambda: ours.loss(batch)),
    }
    spent: dict[str, list[float]] = {name: [] for name in forms}
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(spent["ours"]) < 3:
        for name, (network, optimizers, loss) in forms.items():
            begun = time.process_time()
            torch.autograd.backward(loss())
            optimizers.step()
            network.zero_grad()
            spent[name].append(time.process_time() - begun)
    medians = {name: float(np.median(times)) for name, times in spent.items()}
    return {
        "literal_s": round(medians["literal"], 4),
        "ours_s": round(medians["ours"], 4),
        "speedup": round(medians["literal"] / medians["ours"], 1),
    }
