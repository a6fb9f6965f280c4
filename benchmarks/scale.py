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
from multiprocessing.connection import Connection
from pathlib import Path

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
    store, figures = project / "store", dict[str, float]()

    def step(name: str, work: Callable[[Path, int], None], many: int) -> None:
        figures[f"{name}_s"], figures[f"{name}_mb"] = _apart(work, store, many)

    step("fill", _fill, count)
    figures["files"] = len(list(store.iterdir()))
    figures["shard_ms"] = round(1000 * figures["fill_s"] / figures["files"], 3)
    step("nothing_new", _fill, count)
    step("open", _read, count)
    if dvc:
        _dvc(project, "init", "--no-scm")
        _dvc(project, "remote", "add", "--default", "there", str(project / "there"))
        for name in ("add", "status", "push"):
            figures[f"dvc_{name}_s"] = _dvc(project, name, *(["store"] if name == "add" else []))
        before = _bytes(project / "there")
    step("one_percent", _fill, count + count // 100)
    if dvc:
        figures["dvc_one_percent_s"] = _dvc(project, "add", "store") + _dvc(project, "push")
        pushed = _bytes(project / "there") - before
        figures["one_percent_pushed"] = round(pushed / _bytes(store), 4)
    peak = max(figures[f"{name}_mb"] for name in ("fill", "nothing_new", "open", "one_percent"))
    return {**figures, "peak_mb": peak}


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


def _apart(work: Callable[[Path, int], None], store: Path, count: int) -> tuple[float, float]:
    """Run a step in a process of its own, and give its seconds and its peak memory in MB."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=_timed, args=(theirs, work, store, count))
    process.start()
    theirs.close()
    cost: tuple[float, float] = ours.recv()  # EOFError if the process failed; it has said why
    process.join()
    return cost


def _timed(pipe: Connection, work: Callable[[Path, int], None], store: Path, count: int) -> None:
    start = time.perf_counter()
    work(store, count)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    pipe.send((round(seconds, 2), round(peak, 1)))


def _dvc(project: Path, *args: str) -> float:
    """Run DVC in a project without git, and give its seconds."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "dvc", *args, "--quiet"], cwd=project, check=True)
    return round(time.perf_counter() - start, 2)


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
