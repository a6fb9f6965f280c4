"""Read random rows of a feature store in training batches, and compare with a memory map, warm.

Both give a copy of each batch as one array. The memory map is one file of all rows, without keys
and checks. The two take turns in the same run, and the ratio is the median over rounds. All rows
are in memory, so that reading takes processor time only.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from pathlib import Path
from statistics import median

import click
import numpy as np

from pipeline.fingerprint import Fingerprint, Output
from pipeline.store.reader import Reader
from pipeline.store.store import Store

SHAPE = (49, 512)  # the grid of VGG-16, 50 KB a row in float16
BATCH = 16  # posts of a training batch


@click.command()
@click.option("--images", default=2000, show_default=True)
@click.option("--rounds", default=7, show_default=True)
def main(images: int, rounds: int) -> dict[str, float]:
    """Measure the rows a second of the reader and of a memory map."""
    output = Output(SHAPE, "float16")
    made = Fingerprint("grids", 1, "0" * 64, "none", "none", "float32", {"grid": output})
    keys = sorted(hashlib.sha256(str(number).encode()).hexdigest() for number in range(images))
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        flat = np.lib.format.open_memmap(
            Path(folder) / "grid.npy", "w+", np.float16, (images, *SHAPE)
        )
        with Store(Path(folder) / "store", made) as store:
            store.missing(keys)
            for at in range(0, images, 100):
                rows = random.random((len(keys[at : at + 100]), *SHAPE)).astype(np.float16)
                flat[at : at + 100] = rows
                store.add(keys[at : at + 100], {"grid": rows})
            store.finish()
        flat.flush()
        reader = Reader(Path(folder) / "store")
        order = random.permutation(images)
        numbers = [order[at : at + BATCH] for at in range(0, images, BATCH)]
        named = [[keys[number] for number in batch] for batch in numbers]
        ratios, rates, bounds = [], [], []
        for _ in range(rounds + 1):
            start = time.process_time()
            for batch in numbers:
                np.take(flat, batch, axis=0)
            middle = time.process_time()
            for batch_keys in named:
                reader.rows("grid", batch_keys)
            end = time.process_time()
            ratios.append((middle - start) / (end - middle))
            rates.append(images / (end - middle))
            bounds.append(images / (middle - start))
        for batch, batch_keys in zip(numbers[:8], named, strict=False):
            np.testing.assert_array_equal(reader.rows("grid", batch_keys), flat[batch])
    return {  # the first round warms up
        "of_memmap": round(median(ratios[1:]), 3),
        "rows_s": round(median(rates[1:])),
        "memmap_rows_s": round(median(bounds[1:])),
    }
