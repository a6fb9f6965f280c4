"""Kill trainings (-9) at random instants; each rerun must end in the undisturbed run's bytes.

`cnn_bilstm_crf` on the sample's posts, with a state after every batch: far more often than
`runtime.checkpoint_seconds` asks for, so that the kill often falls into the writing of one. What
states cost is measured as the time of one, over the time between two.
"""

from __future__ import annotations

import multiprocessing
import random
import tempfile
import time
from pathlib import Path

import click
import torch

from benchmarks.blocks import of_project, quiet
from benchmarks.corpus import Corpus, system_params
from pipeline.fit.resume import Slot
from pipeline.params.train import Train
from pipeline.params.vectors import VectorSource
from pipeline.systems.cnn_bilstm_crf import CNNBiLSTMCRF
from pipeline.training.train import TrainFiles, train_system

POSTS = Path("samples/posts")
PACKAGE = of_project("vectors.sources.glove50", VectorSource)
EPOCHS = 4


@click.command()
@click.option("--kills", default=20, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(kills: int, seed: int) -> dict[str, float]:
    """Kill trainings, run each again, and count those that came out right."""
    chance = random.Random(seed)
    done = identical = 0
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        splits = ("train", "dev", "test")
        corpus = Corpus(root / "corpus", {s: POSTS / f"{s}.txt" for s in splits}, None)
        vectors = corpus.vectors(PACKAGE)
        whole = root / "whole"
        begun = time.monotonic()
        _apart(corpus, vectors, whole).join()
        seconds = time.monotonic() - begun
        expected = _content(whole)
        while done < kills:
            out = root / f"run{done}"
            process = _apart(corpus, vectors, out)
            process.join(chance.uniform(0, seconds))
            if not process.is_alive():
                continue  # it ended before the kill
            process.kill()
            process.join()
            done += 1
            left = len(list((out / "states").rglob("*.pt")))
            _apart(corpus, vectors, out).join()
            same = _content(out) == expected
            identical += same
            click.echo(f"kill {done}: {left} states were there, same bytes: {same}", err=True)
        return {"kills": done, "identical": identical, "overhead": round(_overhead(root), 4)}


def _apart(corpus: Corpus, vectors: Path, out: Path) -> multiprocessing.process.BaseProcess:
    """The training in a fork, which has torch loaded, so that the instant falls into the work."""
    context = multiprocessing.get_context("fork")
    process = context.Process(target=_train, args=(corpus, vectors, out))
    process.start()
    return process


def _train(corpus: Corpus, vectors: Path, out: Path) -> None:
    params = system_params(CNNBiLSTMCRF, [vectors.stem], [f"training.max_epochs={EPOCHS}"])
    states = {"checkpoints": str(out / "states"), "checkpoint_seconds": 0.0}
    files = TrainFiles(
        corpus.posts,
        corpus.vocab,
        {vectors.stem: vectors},
        {},
        None,
        {},
        model=out / "model",
        curves=out / "curves",
    )
    train = Train(seeds=[1], max_epochs=None, batch_posts=None)
    runtime = quiet().model_copy(update=states)
    train_system(CNNBiLSTMCRF, params, train, files, runtime, lambda _: None)


def _overhead(root: Path) -> float:
    """The share of the time that goes to states at the stated interval, for Twitter2015's table.

    A state holds the table four times: weights, both moments of Adam and the average; and once
    more as the best epoch's.
    """
    interval = quiet().checkpoint_seconds
    slot = Slot(root / "state.pt", "key", interval, print)
    state = {str(place): torch.randn(23_000, 100) for place in range(5)}
    begun = time.monotonic()
    slot.write(state)
    return (time.monotonic() - begun) / interval


def _content(out: Path) -> dict[str, bytes]:
    files = [path for part in ("model", "curves") for path in (out / part).rglob("*")]
    return {str(p.relative_to(out)): p.read_bytes() for p in files if p.is_file()}
