"""Measure what extraction costs when little or nothing is new, and what memory it takes.

The pictures are small, the network is the embedded one. Each extraction runs in a process of its
own. It is forked from one that has imported everything and computed nothing, so that its time is
without imports and its peak memory is its own.
"""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import multiprocessing.connection
import resource
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from PIL import Image as Pillow

from benchmarks.blocks import of_project, quiet
from pipeline.corpus.images import OK, Image, write_images
from pipeline.params.extract import Extract
from pipeline.store.reader import Reader
from pipeline.store.store import Store
from pipeline.vision.extract import Files, extract

SIDE = 64  # pixels of each side of the pictures
OUTPUTS = ["logits", "pooled"]


@click.command()
@click.option("--images", default=2000, show_default=True)
@click.option("--unchanged", default=10_000, show_default=True)
def main(images: int, unchanged: int) -> dict[str, float]:
    """Time runs in which all, 1 % or none of the images are new, and compare peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        rows = _pictures(root / "images", images)
        tenth = _run(root, rows[: images // 10], "tenth")
        _run(root, rows[: images - images // 100], "grown")
        new = _run(root, rows, "grown")
        full = _run(root, rows, "full")
        start_up = _run(root, rows[:1], "one")  # this builds the network and computes one image
        many = [_row(str(number), str(number).encode()) for number in range(unchanged)]
        _fill(root, many, "many", like="one")
        nothing = _run(root, many, "many")
    return {
        "memory_of_tenth": round(full.memory / tenth.memory, 3),
        "one_percent_of_full": round((new.seconds - start_up.seconds) / full.seconds, 4),
        "nothing_new_s": round(nothing.seconds, 2),
        "full_s": round(full.seconds, 1),
    }


@dataclass(frozen=True)
class Cost:
    """The seconds of one run, and its peak memory in bytes."""

    seconds: float
    memory: int


def _row(name: str, content: bytes) -> Image:
    return Image(name, f"{name}.png", hashlib.sha256(content).hexdigest(), SIDE, SIDE, OK, "")


def _pictures(folder: Path, count: int) -> list[Image]:
    """Write pictures of noise, and give the rows of their index."""
    folder.mkdir()
    random = np.random.default_rng(0)
    rows = []
    for number in range(count):
        stream = io.BytesIO()
        Pillow.fromarray(random.integers(0, 256, (SIDE, SIDE, 3), np.uint8)).save(stream, "PNG")
        (folder / f"{number}.png").write_bytes(stream.getvalue())
        rows.append(_row(str(number), stream.getvalue()))
    return rows


def _run(root: Path, rows: Sequence[Image], store: str) -> Cost:
    """Extract in a process of its own."""
    write_images(rows, root / "images.parquet")
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=_extract, args=(root, store, theirs))
    process.start()
    theirs.close()
    cost: Cost = ours.recv()  # EOFError if the process failed; it has said why
    process.join()
    click.echo(f"{store}: {len(rows)} images, {cost}", err=True)
    return cost


def _extract(root: Path, store: str, pipe: multiprocessing.connection.Connection) -> None:
    start = time.perf_counter()
    params = of_project("extract.tags", Extract, outputs=OUTPUTS)
    extract(Files(root / "images.parquet", root / "images", root / store), params, quiet())
    seconds = time.perf_counter() - start
    pipe.send(Cost(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024))


def _fill(root: Path, rows: Sequence[Image], store: str, like: str) -> None:
    """Write a store of zeros with the fingerprint of another store, so that it lacks nothing."""
    made = Reader(root / like).fingerprint
    with Store(root / store, made) as writer:
        keys = writer.missing(row.sha256 for row in rows if row.sha256)
        shapes = {name: output.shape for name, output in made.outputs.items()}
        writer.add(
            keys,
            {name: np.zeros((len(keys), *shape), np.float32) for name, shape in shapes.items()},
        )
        writer.finish()
