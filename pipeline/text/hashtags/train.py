"""Training the neural segmenter on phrases whose spaces are removed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline.corpus.posts import read_posts
from pipeline.device import steady_device
from pipeline.errors import PipelineError
from pipeline.fit.batching import shuffled
from pipeline.fit.loop import Epoch, fit
from pipeline.fit.resume import Slots
from pipeline.params.runtime import Runtime
from pipeline.params.segmenter import SegmenterParams
from pipeline.progress import Mode, progress
from pipeline.text.hashtags.border_network import BorderNetwork, Run, Runs, padded
from pipeline.text.hashtags.border_phrases import CountedPhrases, Phrase, cased, stretches
from pipeline.text.hashtags.character_skipgram import pretrain
from pipeline.text.hashtags.neural import NeuralSegmenter, write_segmenter
from pipeline.text.hashtags.segmenter import exactly_right
from pipeline.text.hashtags.word_counts import WordCounts

DEV = 1000  # dev is at most so many phrases


@dataclass(frozen=True)
class Example:
    """A phrase as the network reads it, and its borders."""

    run: Run
    borders: np.ndarray  # (L,) float32

    @classmethod
    def of(cls, phrase: Phrase, counts: WordCounts | None) -> Example:
        """Join a phrase's words."""
        ends = np.cumsum([len(word) for word in phrase]) - 1
        borders = np.zeros(ends[-1] + 1, np.float32)
        borders[ends] = 1.0
        return cls(Run.of("".join(phrase), counts), borders)


def train_segmenter(
    params: SegmenterParams,
    runtime: Runtime,
    posts: Path,
    model: Path,
    say: Callable[[str], None],
) -> None:
    """Train on stretches of the train posts and on counted phrases; dev posts select the epoch.

    Args:
        params: the block.
        runtime: where the network runs, and how progress is shown.
        posts: the table of posts; test posts stay unread.
        model: folder written.
        say: is told a line an epoch.

    Raises:
        PipelineError: if the dev posts hold no two plain words in a row.
    """
    device = steady_device(runtime.device, runtime.deterministic)
    random = np.random.default_rng(params.seed)
    torch.manual_seed(params.seed)
    counts = WordCounts.read()
    read = read_posts(posts)
    own, dev = (
        stretches([post for post in read if post.split == split], most, random, fewest)
        for split, most, fewest in (
            ("train", round(params.corpus_share * params.phrases), 1),
            ("dev", DEV, 2),
        )
    )
    if not dev:
        raise PipelineError(f"{posts}: dev has no post with two plain words in a row")
    drawn = CountedPhrases(counts).draw(params.phrases - len(own), random)
    say(f"segmenter: {len(own)} phrases of the corpus, {len(drawn)} of the word counts")
    told = counts if params.model.counts else None
    phrases = [cased(phrase, random) for phrase in [*own, *drawn]]
    examples = [
        Example.of(phrase, told)
        for phrase in progress(phrases, len(phrases), "phrases", runtime.progress, title="counts")
    ]
    tried = [cased(phrase, random) for phrase in dev]
    network = BorderNetwork(params.model).to(device)

    def watch(epoch: Epoch) -> None:
        say(
            f"segmenter epoch {epoch.epoch}: loss {epoch.loss:.4f},"
            f" dev {epoch.score:.1f} % exactly right, {epoch.seconds:.1f} s"
        )

    runs = [example.run.characters.tolist() for example in examples]
    decides = {"params": params.model_dump(), "device": device.type}
    slots = Slots("train_segmenter", runtime, decides, [posts])
    vectors = slots.of("pretraining", say)
    pretrain(network.characters, runs, params.pretraining, random, vectors)
    segmenter = NeuralSegmenter(network, told)
    fitted = fit(
        network,
        lambda epoch: _batches(examples, params, epoch, device, runtime.progress),
        lambda batch: network.loss(*batch),
        lambda: exactly_right(segmenter.split(["".join(p) for p in tried]), tried),
        params.training,
        watch,
        slots.of("training", say),
    )
    write_segmenter(network, params.model, told, fitted, model)
    slots.clear()
    say(f"segmenter: best epoch {fitted.best.epoch}, dev {fitted.best.score:.1f} % exactly right")


def _batches(
    examples: Sequence[Example],
    params: SegmenterParams,
    epoch: int,
    device: torch.device,
    bar: Mode,
) -> Iterator[tuple[Runs, Tensor]]:
    lengths = np.array([len(example.borders) for example in examples])
    random = np.random.default_rng([params.seed, epoch])
    places = list(shuffled(lengths, params.training.batch_posts, random))
    for part in progress(places, len(places), "batches", bar, title=f"epoch {epoch}"):
        chosen = [examples[place] for place in part]
        borders = padded([example.borders for example in chosen]).to(device)  # (B, L)
        yield Runs.of([example.run for example in chosen], device), borders
