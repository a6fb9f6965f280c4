"""The trained segmenter: words from a network's decisions, confidence from its probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from pipeline.device import steady_device
from pipeline.errors import PipelineError
from pipeline.files import read_json, write_json
from pipeline.fit.checkpoint import load, save
from pipeline.fit.loop import Fitted
from pipeline.params.block import parse
from pipeline.params.segmenter import BorderSizes
from pipeline.text.hashtags.border_network import BorderNetwork, Run, Runs
from pipeline.text.hashtags.segmenter import Words
from pipeline.text.hashtags.word_counts import WordCounts

FILE = "segmenter.json"
BATCH = 256  # so many runs are split at a time


class NeuralSegmenter:
    """Splits where the network finds a border more probable than none.

    The confidence is the probability that the network gives to all of its decisions together.

    Args:
        network: the trained network.
        counts: the word counts that it was trained with; None for a network that reads none.
    """

    def __init__(self, network: BorderNetwork, counts: WordCounts | None) -> None:
        self._network = network
        self._counts = counts

    def split(self, runs: Sequence[str]) -> list[Words]:
        """As `Segmenter`."""
        places = sorted(range(len(runs)), key=lambda place: len(runs[place]))
        found: dict[int, Words] = {}
        for start in range(0, len(places), BATCH):
            part = places[start : start + BATCH]
            for place, chances in zip(part, self._chances([runs[p] for p in part]), strict=True):
                found[place] = _words(runs[place], chances)
        return [found[place] for place in range(len(runs))]

    @torch.no_grad()
    def _chances(self, runs: Sequence[str]) -> np.ndarray:
        """The probability of a border after each character: (runs, longest)."""
        self._network.eval()
        device = next(self._network.parameters()).device
        encoded = Runs.of([Run.of(run, self._counts) for run in runs], device)
        chances: np.ndarray = self._network(encoded).sigmoid().cpu().numpy()
        return chances


def _words(run: str, chances: np.ndarray) -> Words:
    decided = chances[: len(run) - 1].astype(np.float64)  # nothing is decided after the last
    ends = [*(np.flatnonzero(decided >= 0.5) + 1).tolist(), len(run)]
    words = tuple(run[start:end] for start, end in zip([0, *ends], ends, strict=False))
    return Words(words, float(np.maximum(decided, 1 - decided).prod()))


def write_segmenter(
    network: BorderNetwork,
    sizes: BorderSizes,
    counts: WordCounts | None,
    fitted: Fitted,
    directory: Path,
) -> None:
    """Write a trained network into the folder of its stage."""
    save(network, fitted, directory)
    digest = counts.digest if counts is not None else None
    write_json(directory / FILE, {"sizes": sizes.model_dump(), "counts": digest})


def read_segmenter(directory: Path) -> NeuralSegmenter:
    """Read what `write_segmenter` wrote.

    Raises:
        PipelineError: if a file is missing or damaged, or the network was trained with other word
            counts.
    """
    tree = read_json(directory / FILE)
    sizes = parse(tree["sizes"], BorderSizes, str(directory / FILE))
    counts = WordCounts.read() if sizes.counts else None
    if counts is not None and counts.digest != tree["counts"]:
        raise PipelineError(
            f"{directory}: trained with other word counts than those of the installed package "
            "wordsegment; run `dvc repro train_segmenter`, or install what requirements.lock pins"
        )
    network = BorderNetwork(sizes).to(steady_device("cpu", deterministic=False))
    load(network, directory)
    return NeuralSegmenter(network, counts)
