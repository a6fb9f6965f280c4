"""Measure a feature store, and DVC on it, at many rows of small features.

Each step runs in a process of its own. It is forked from one that has imported everything, so that
its time is without imports and its peak memory is its own.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np

from pipeline.fingerprint import Fingerprint, Output
from pipeline.store.reader import Reader
from pipeline.store.store import Store

WIDTH = 128  # float32 numbers of a row: 512 bytes
HANDED = 1000  # rows that are handed in at a time
BATCH, BATCHES = 16, 500  # random batches that are read
MADE = Fingerprint(
    "small", 1, "0" * 64, "none", "none", "float32", {"pooled": Output((WIDTH,), "float32")}
)


@click.command()
@click.option("--rows", multiple=True, default=[10_000, 100_000], show_default=True)
@click.option("--dvc/--no-dvc", default=True, show_default=True, help="Measure DVC, too.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where the stores are written.")
def main(rows: tuple[int, ...], dvc: bool, folder: Path | None) -> dict[str, dict[str, float]]:
    """Fill a store, find nothing new, find 1 % new, read it, and hand it to DVC."""
    figures = {}
    for count in rows:
        with tempfile.TemporaryDirectory(dir=folder) as project:
            figures[str(count)] = _measure(Path(project), count, dvc)
        click.echo(f"{count} rows: {figures[str(count)]}", err=True)
    return figures


def _measure(project: Path, count: int, dvc: bool) -> dict[str, float]:
    store = project / "store"
    fill, *peaks = _apart(_fill, store, count)
    files = len(list(store.iterdir()))
    figures = {"fill_s": fill, "files": files, "shard_ms": round(1000 * fill / files, 3)}
    steps: list[tuple[str, Callable[..., None], int]] = [
        ("nothing_new_s", _fill, count),
        ("open_s", _read, count),
    ]
    for name, step, many in steps:
        figures[name], peak = _apart(step, store, many)
        peaks.append(peak)
    if dvc:
        _dvc(project, "init", "--no-scm")
        _dvc(project, "remote", "add", "--default", "there", str(project / "there"))
        figures["dvc_add_s"] = _dvc(project, "add", "store")
        figures["dvc_status_s"] = _dvc(project, "status")
        figures["dvc_push_s"] = _dvc(project, "push")
        before = _bytes(project / "there")
    figures["one_percent_s"], peak = _apart(_fill, store, count + count // 100)
    peaks.append(peak)
    if dvc:
        figures["dvc_add_one_percent_s"] = _dvc(project, "add", "store")
        figures["dvc_push_one_percent_s"] = _dvc(project, "push")
        pushed = _bytes(project / "there") - before
        figures["one_percent_pushed"] = round(pushed / _bytes(store), 4)
    return {**figures, "peak_mb": max(peaks)}


def _fill(store: Path, count: int) -> None:
    """Do what an extraction does whose network takes no time."""
    rows = np.zeros((HANDED, WIDTH), np.float32)
    with Store(store, MADE) as writer:
        missing = writer.missing(_keys(count))
        for start in range(0, len(missing), HANDED):
            keys = missing[start : start + HANDED]
            writer.add(keys, {"pooled": rows[: len(keys)]})
        writer.finish()


def _read(store: Path, count: int) -> None:
    """Open the store, and read random batches."""
    reader = Reader(store)
    reader.check()
    random = np.random.default_rng(0)
    for _ in range(BATCHES):
        numbers = random.integers(0, count, BATCH).tolist()
        reader.rows("pooled", [_key(number) for number in numbers])


def _key(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def _keys(count: int) -> Iterator[str]:
    return map(_key, range(count))


def _apart(step: Callable[..., None], *args: Any) -> tuple[float, float]:
    """Run a step in a process of its own, and give its seconds and its peak memory in MB."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=_timed, args=(theirs.send, step, *args))
    process.start()
    theirs.close()
    cost: tuple[float, float] = ours.recv()  # EOFError if the process failed; it has said why
    process.join()
    return cost


def _timed(
    tell: Callable[[tuple[float, float]], None], step: Callable[..., None], *args: Any
) -> None:
    start = time.perf_counter()
    step(*args)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    tell((round(seconds, 2), round(peak, 1)))


def _dvc(project: Path, *args: str) -> float:
    """Run DVC in a project without git, and give its seconds."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "dvc", *args, "--quiet"], cwd=project, check=True)
    return round(time.perf_counter() - start, 2)


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
