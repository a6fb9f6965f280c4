"""What training takes: a step, an epoch, scoring and memory of each system; seeds; the start.

Region grids, pooled features, classes, captions and knowledge are drawn by chance: they cost what
real ones cost. Each measure runs in a process of its own, with one thread, and is told in seconds
of processor time, which other work on the machine disturbs least; but for seeds side by side and
the start, which are told by the clock.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import click
import torch

from benchmarks.training.chance import make_corpus
from benchmarks.training.epoch import epoch, three_seeds_of_one
from benchmarks.training.profile import profile
from benchmarks.training.startup import start_s
from benchmarks.training.step import speedup
from pipeline.systems.system import known_systems

DATA = Path("../shared/data")
TEXT = "cnn_bilstm_crf"  # the system that others are compared with
PARTS = ("steps", "epochs", "seeds", "start")
ROUNDS = 2  # of the seeds

R = TypeVar("R")


@click.command()
@click.option("--system", "systems", multiple=True, help="default: every system")
@click.option("--part", "parts", multiple=True, type=click.Choice(PARTS), help="default: all")
@click.option("--data", type=click.Path(path_type=Path), default=DATA, show_default=True)
@click.option("--epochs", default=2, show_default=True, help="the last of them counts")
@click.option("--seconds", default=10.0, show_default=True, help="of a system's steps")
@click.option("--profile", "profiled", is_flag=True, help="instead: where an epoch's time goes")
@click.option("--batches", default=60, show_default=True, help="that are profiled")
def main(
    systems: tuple[str, ...],
    parts: tuple[str, ...],
    data: Path,
    epochs: int,
    seconds: float,
    profiled: bool,
    batches: int,
) -> dict[str, object]:
    """Measure what training takes, by system, or profile it."""
    named, parts = systems or tuple(known_systems()), parts or PARTS
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if profiled or set(parts) - {"steps"}:
            make_corpus(data, folder)
        if profiled:
            return {name: _told(name, apart(profile, name, folder, batches)) for name in named}
        found: dict[str, Any] = {name: {} for name in named}
        if "steps" in parts:
            for name in named:
                found[name] |= _told(name, apart(speedup, name, seconds))
        if "epochs" in parts:
            # a shared machine is now fast and now slow: each stands between two text baselines
            text = apart(epoch, TEXT, folder, epochs)
            for name in named:
                measured, before = apart(epoch, name, folder, epochs), text["epoch_s"]
                text = apart(epoch, TEXT, folder, epochs)
                of_cnn = 2 * measured["epoch_s"] / (before + text["epoch_s"])
                found[name] |= _told(name, measured | {"of_cnn": round(of_cnn, 2)})
        if "seeds" in parts:
            found["three_seeds_of_one"] = apart(three_seeds_of_one, TEXT, folder, ROUNDS)
        if "start" in parts:
            found["start_s"] = start_s(folder)
        return found


def apart(measure: Callable[..., R], *given: object) -> R:
    """What `measure` gives in a process of its own, so that nothing before it costs it memory."""
    with ProcessPoolExecutor(1, get_context("spawn"), torch.set_num_threads, (1,)) as process:
        return process.submit(measure, *given).result()


def _told(name: str, measured: dict[str, float]) -> dict[str, float]:
    figures = ", ".join(f"{key} {value}" for key, value in measured.items())
    click.echo(f"{name}: {figures}", err=True)
    return measured
