"""Read damaged files for some minutes a reader: nothing but our own errors may come out.

Each reader runs in a process of its own, so that a crash of a library is seen, too.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any

import click

from benchmarks.hostile import TARGETS, Target
from benchmarks.mutation import mutated
from pipeline.errors import PipelineError

SHOWN = 5  # of other errors, those of different places


@click.command()
@click.option("--minutes", type=float, default=1.0, show_default=True, help="For each reader.")
@click.option("--target", "names", multiple=True, type=click.Choice(list(TARGETS)))
@click.option("--seed", default=0, show_default=True)
def main(minutes: float, names: tuple[str, ...], seed: int) -> dict[str, dict[str, Any]]:
    """Mutate valid files and read them, by reader: inputs, other errors, the slowest input.

    Its time is that of the processor: others that compute beside it do not count.
    """
    figures = {}
    for name in names or TARGETS:
        figures[name] = _apart(name, 60 * minutes, seed)
        click.echo(f"{name}: {figures[name]}", err=True)
    return figures


def _apart(name: str, seconds: float, seed: int) -> dict[str, Any]:
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=_fuzz, args=(theirs, TARGETS[name], seconds, seed))
    process.start()
    theirs.close()
    try:
        found: dict[str, Any] = ours.recv()
    except EOFError:
        found = {"crashed": True}
    process.join()
    return found | ({"exit": process.exitcode} if process.exitcode else {})


def _fuzz(pipe: Connection, target: Target, seconds: float, seed: int) -> None:
    random, end = Random(seed), time.monotonic() + seconds
    inputs, slowest, others = 0, 0.0, dict[str, str]()
    with tempfile.TemporaryDirectory() as folder:
        target.make(Path(folder))
        target.read(Path(folder))
        paths = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        sound = {path: path.read_bytes() for path in paths}
        while time.monotonic() < end:
            path = random.choice(paths)
            replace(path, mutated(sound[path], random))
            start = time.process_time()
            try:
                target.read(Path(folder))
            except PipelineError:
                pass
            except Exception as error:
                place = traceback.extract_tb(error.__traceback__)[-1]
                others.setdefault(f"{place.filename}:{place.lineno}", repr(error)[:200])
            slowest, inputs = max(slowest, time.process_time() - start), inputs + 1
            replace(path, sound[path])
    first = dict(list(others.items())[:SHOWN])
    pipe.send(
        {"inputs": inputs, "other_errors": len(others), "slowest_s": round(slowest, 3)}
        | ({"first": first} if first else {})
    )


def replace(path: Path, content: bytes) -> None:
    """Write a new file in the place of an old one, which a reader may still have mapped."""
    path.unlink()
    path.write_bytes(content)
