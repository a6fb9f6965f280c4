"""Training the captioner on the cached regions of a caption corpus's images."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from sacrebleu.metrics.bleu import BLEU
from torch import Tensor, nn

from pipeline.captions.captioner import GRID, Captioner, write_captioner
from pipeline.captions.corpus import Caption, read_captions
from pipeline.captions.decoder import Decoder
from pipeline.captions.vocabulary import Vocabulary
from pipeline.corpus.images import read_images
from pipeline.device import steady_device
from pipeline.errors import PipelineError
from pipeline.fit.batching import shuffled
from pipeline.fit.loop import Epoch, fit
from pipeline.fit.resume import Slots
from pipeline.params.captioner import CaptionerParams
from pipeline.params.runtime import Runtime
from pipeline.progress import progress
from pipeline.store.reader import Reader

BATCH = 64  # dev is captioned so many images at a time


def split(
    captions: Sequence[Caption],
    held_out: Literal["images", "captions"],
    share: float,
    random: np.random.Generator,
) -> tuple[list[Caption], dict[str, list[tuple[str, ...]]]]:
    """Training captions, and the references of the dev images.

    Args:
        captions: those of all images.
        held_out: "images": dev images are not trained on; "captions": only the last caption of
            each dev image is not, for a corpus so small that each image counts. All of a dev
            image's captions are its references.
        share: this share of the images, at least one, is dev's.
        random: chooses dev's images.

    Raises:
        PipelineError: if nothing is left to train on.
    """
    of: dict[str, list[Caption]] = defaultdict(list)
    for caption in captions:
        of[caption.image].append(caption)
    images = sorted(key for key in of if held_out == "images" or len(of[key]) > 1)
    chosen = random.permutation(len(images))[: max(1, round(share * len(images)))]
    first = 0 if held_out == "images" else -1
    dev = {images[at]: [one.words for one in of[images[at]]] for at in sorted(chosen)}
    train = [one for key in sorted(of) for one in (of[key][:first] if key in dev else of[key])]
    if not train or not dev:
        raise PipelineError(
            f"captioner: of {len(of)} images with captions none is left to train on or to try; "
            "more are needed, or captioner.held_out: captions with two captions an image"
        )
    return train, dev


def bleu(
    found: Sequence[tuple[str, ...]], references: Sequence[Sequence[tuple[str, ...]]]
) -> float:
    """BLEU-4 of captions, in percent (sacrebleu), short ones smoothed; words are as they are."""
    rows = itertools.zip_longest(*([" ".join(one) for one in each] for each in references))
    metric = BLEU(tokenize="none", effective_order=True)
    score: float = metric.corpus_score([" ".join(words) for words in found], list(rows)).score
    return score


@dataclass(frozen=True)
class Files:
    """The files that the stage `train_captioner` reads and writes."""

    captions: Path  # the caption corpus
    images: Path  # the table of images
    store: Path  # the feature store of the role `caption`
    model: Path  # folder written


def train_captioner(
    params: CaptionerParams, runtime: Runtime, files: Files, say: Callable[[str], None]
) -> None:
    """Train by predicting the next word; the epoch with the best BLEU on dev is kept.

    Args:
        params: the block.
        runtime: where the network runs, and how progress is shown.
        files: read and written.
        say: is told the captions that were read, and then a line an epoch.

    Raises:
        PipelineError: for a caption corpus or a store that cannot be used.
    """
    device = steady_device(runtime.device, runtime.deterministic)
    corpus = read_captions(files.captions, read_images(files.images), params.max_words)
    say(str(corpus))
    reader = Reader(files.store)
    lacking = {caption.image for caption in corpus.captions if caption.image not in reader}
    if GRID not in reader.outputs or lacking:
        what = f"lacks {len(lacking)} captioned images" if lacking else f"holds no {GRID!r}"
        raise PipelineError(
            f"{files.store}: {what}; run `dvc repro extract@caption`, or see its outputs"
        )
    random = np.random.default_rng(params.seed)
    torch.manual_seed(params.seed)
    train, dev = split(corpus.captions, params.held_out, params.dev_share, random)
    vocabulary = Vocabulary.of((caption.words for caption in train), params.min_count)
    regions = reader.outputs[GRID].shape[-1]
    decoder = Decoder(params.model, regions, len(vocabulary.words)).to(device)
    captioner = Captioner(decoder, vocabulary, reader.fingerprint.digest)
    coded = [torch.tensor(vocabulary.encode(caption.words)) for caption in train]
    lengths = np.array([len(row) for row in coded])

    def batches(epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        drawn = np.random.default_rng([params.seed, epoch])
        places = list(shuffled(lengths, params.training.batch_posts, drawn))
        for part in progress(
            places, len(places), "batches", runtime.progress, title=f"epoch {epoch}"
        ):
            grid = reader.rows(GRID, [train[place].image for place in part])
            rows = nn.utils.rnn.pad_sequence([coded[place] for place in part], batch_first=True)
            yield torch.from_numpy(grid).to(device, torch.float32), rows.to(device)

    def score() -> float:
        found = []
        for part in _parts(list(dev)):
            grid = reader.rows(GRID, part)
            best = captioner.find(
                grid, width=params.beam_width, max_words=params.max_words, power=1.0
            )
            found += captioner.words(best)
        return bleu(found, list(dev.values()))

    def watch(epoch: Epoch) -> None:
        say(
            f"captioner epoch {epoch.epoch}: loss {epoch.loss:.3f}, dev BLEU {epoch.score:.1f},"
            f" {epoch.seconds:.1f} s"
        )

    decides = {"params": params.model_dump(), "device": device.type}
    read = [files.captions, files.images, files.store]
    slots = Slots("train_captioner", runtime, decides, read)
    slot = slots.of("captioner", say)
    fitted = fit(
        decoder, batches, lambda batch: decoder.loss(*batch), score, params.training, watch, slot
    )
    write_captioner(captioner, params.model, regions, fitted, files.model)
    slots.clear()
    say(f"captioner: best epoch {fitted.best.epoch}, dev BLEU {fitted.best.score:.1f}")


def _parts(keys: list[str]) -> Iterator[list[str]]:
    return (keys[start : start + BATCH] for start in range(0, len(keys), BATCH))
