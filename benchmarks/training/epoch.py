"""What an epoch of a system takes, and what three seeds take of the time of one."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import torch

from benchmarks.blocks import quiet
from benchmarks.corpus import system_params
from benchmarks.training.chance import VECTORS, draw
from pipeline.fit.loop import Epoch
from pipeline.parallel import cores
from pipeline.params.train import Train
from pipeline.systems.system import find_system
from pipeline.training.train import Run, TrainFiles, train_network, train_system

SEEDS = {"one": [1], "three": [1, 2, 3]}


def epoch(name: str, folder: Path, epochs: int) -> dict[str, float]:
    """Train a system in this process and tag test; the last epoch counts.

    The epoch is told in processor time; tagging by the clock, with as many threads as the stage.
    """
    system = find_system(name)
    drawn = draw(system, folder)
    params = system_params(system, [VECTORS], [f"training.max_epochs={epochs}"], context="none")
    marks = [time.process_time()]

    def watch(_: Epoch) -> None:
        marks.append(time.process_time())

    run = Run(1, torch.device("cpu"), "none", watch, None)
    tagger, _ = train_network(system, params, drawn.corpus, run)
    started = time.perf_counter()
    tagger.tag(drawn.test, threads=cores())
    return {
        "epoch_s": round(marks[-1] - marks[-2], 2),
        "evaluate_s": round(time.perf_counter() - started, 2),
        "peak_mb": round(peak_mb()),
    }


def three_seeds_of_one(name: str, folder: Path, rounds: int) -> float:
    """The time on the clock of three seeds over that of one, of a system that reads text alone.

    They are trained as the train stage trains them, for two epochs. What else runs on the machine
    can only add to a time, so that the least of some rounds counts.
    """
    system = find_system(name)
    params = system_params(system, [VECTORS], [], context="none")
    least = dict.fromkeys(SEEDS, float("inf"))
    for _ in range(rounds):
        for kind, seeds in SEEDS.items():
            train = Train(seeds=seeds, max_epochs=2, batch_posts=None)
            with tempfile.TemporaryDirectory() as out:
                files = TrainFiles(
                    folder / "posts.parquet",
                    folder / "vocab",
                    {VECTORS: folder / f"{VECTORS}.parquet"},
                    {},
                    None,
                    {},
                    model=Path(out) / "model",
                    curves=Path(out) / "curves",
                )
                begun = time.monotonic()
                train_system(system, params, train, files, quiet(), lambda _: None)
                least[kind] = min(least[kind], time.monotonic() - begun)
    return round(least["three"] / least["one"], 2)


def peak_mb() -> float:
    """The largest resident memory of this process, without that of the one which started it."""
    status = Path("/proc/self/status").read_text("utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024
