"""Measure what compression of a store's grids would save, and what it would cost to read them.

The grids are those of real photographs, by VGG-16 (with random weights, since trained ones are not
at hand; their share of zeros differs) and by the embedded network (with its real weights). Rows lie
as in a store: 8 in a shard, and one in a chunk if there is a filter. A reader opens each shard once
and takes random rows. The contiguous form is read in the same way, and by the project's own reader.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import h5py
import hdf5plugin
import numpy as np
import torch

from benchmarks.extract import BATCH, DATA, photographs
from pipeline.fingerprint import Fingerprint, Output
from pipeline.progress import say
from pipeline.store.reader import Reader
from pipeline.store.store import Store
from pipeline.vision.backbone import load_backbone
from pipeline.vision.decode import batches
from pipeline.vision.forward import Forward
from pipeline.vision.weights import find_weights

ROWS = 8  # rows of a shard
READS = 4  # how often each row is read, each time in another order
CODECS: dict[str, Mapping[str, Any] | None] = {
    "none": None,
    "gzip 1": {"compression": "gzip", "compression_opts": 1},
    "gzip 1 + shuffle": {"compression": "gzip", "compression_opts": 1, "shuffle": True},
    "gzip 6 + shuffle": {"compression": "gzip", "compression_opts": 6, "shuffle": True},
    "lzf": {"compression": "lzf"},
    "lz4": hdf5plugin.LZ4(),
    "bitshuffle + lz4": hdf5plugin.Bitshuffle(cname="lz4"),
    "bitshuffle + zstd 3": hdf5plugin.Bitshuffle(cname="zstd", clevel=3),
    "zstd 3": hdf5plugin.Zstd(clevel=3),
    "blosc lz4 + shuffle": hdf5plugin.Blosc(cname="lz4", shuffle=hdf5plugin.Blosc.SHUFFLE),
    "blosc zstd 5 + bitshuffle": hdf5plugin.Blosc(
        cname="zstd", clevel=5, shuffle=hdf5plugin.Blosc.BITSHUFFLE
    ),
    "blosc2 zstd 5 + shuffle": hdf5plugin.Blosc2(
        cname="zstd", clevel=5, filters=hdf5plugin.Blosc2.SHUFFLE
    ),
}


@click.command()
@click.option("--data", type=click.Path(path_type=Path), default=DATA, show_default=True)
@click.option("--images", default=96, show_default=True)
def main(data: Path, images: int) -> dict[str, object]:
    """Print a table for each network; the JSON holds the same."""
    result: dict[str, object] = {}
    for name, weights in (("vgg16", "random:0"), ("efficientnet_lite0", "imagenet")):
        grids = _grids(name, weights, data, images)
        zeros = float((grids == 0).mean())
        click.echo(f"{name}, weights {weights}: {zeros:.1%} of {grids.shape} are zeros")
        click.echo("| codec | bytes a row | of contiguous | rows/s read | of contiguous |")
        click.echo("|---|---|---|---|---|")
        table = _table(grids)
        plain = table["none"]
        for codec, (size, rate) in table.items():
            click.echo(
                f"| {codec} | {size:,.0f} | {size / plain[0]:.0%} | {rate:,.0f}"
                f" | {rate / plain[1]:.0%} |"
            )
        result[name] = {"zeros": round(zeros, 4)} | {
            codec: {"bytes_a_row": round(size), "rows_s": round(rate)}
            for codec, (size, rate) in table.items()
        }
    return result


def _grids(name: str, weights: str, data: Path, images: int) -> np.ndarray:
    """Compute the grids of some photographs, (n, regions, width) float16."""
    backbone = load_backbone(name)
    state = find_weights(weights, backbone.weights, backbone.network).load()
    features = backbone.build(state, backbone.select(["grid"]), "float32")
    forward = Forward(backbone, features, torch.device("cpu"), BATCH, say)
    files = photographs(data)[:images]
    read = batches(files, backbone.preprocessing, batch=BATCH, workers=2)
    made = [
        forward.rows([str(file.path) for file in part], pixels)["grid"] for part, pixels in read
    ]
    return np.concatenate(made)


def _table(grids: np.ndarray) -> dict[str, tuple[float, float]]:
    """The bytes a row on disk (as `dvc push` sends them) and the rows read a second, by codec."""
    order = np.concatenate([np.random.default_rng(n).permutation(len(grids)) for n in range(READS)])
    table = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for codec, options in CODECS.items():
            paths = _write(folder, grids, options)
            size = sum(path.stat().st_size for path in paths) / len(grids)
            # without HDF5's cache of decompressed chunks, which would hold all of these few rows
            files = [h5py.File(path, rdcc_nbytes=0) for path in paths]
            shards = [file["grid"] for file in files]
            out = np.empty_like(grids[0])

            def read(row: int, shards: list[Any] = shards, out: np.ndarray = out) -> None:
                shards[row // ROWS].read_direct(out, np.s_[row % ROWS])

            table[codec] = size, _rate(read, order)
            read(int(order[0]))
            np.testing.assert_array_equal(out, grids[order[0]])
            for file in files:
                file.close()
        table["none, the project's reader"] = table["none"][0], _own(folder / "store", grids, order)
    return table


def _write(folder: Path, grids: np.ndarray, options: Mapping[str, Any] | None) -> list[Path]:
    paths = []
    for number, at in enumerate(range(0, len(grids), ROWS)):
        path = folder / f"{number}.h5"
        rows = grids[at : at + ROWS]
        form = {} if options is None else {"chunks": (1, *rows.shape[1:]), **options}
        with h5py.File(path, "w", libver=("earliest", "v110")) as file:
            file.create_dataset("grid", data=rows, **form)
        paths.append(path)
    return paths


def _own(directory: Path, grids: np.ndarray, order: np.ndarray) -> float:
    output = {"grid": Output(grids.shape[1:], "float16")}
    made = Fingerprint("grids", 1, "0" * 64, "none", "none", "float32", output)
    keys = sorted(hashlib.sha256(str(n).encode()).hexdigest() for n in range(len(grids)))
    with Store(directory, made) as store:
        store.add(store.missing(keys), {"grid": grids})
        store.finish()
    reader = Reader(directory)
    return _rate(lambda row: reader.rows("grid", [keys[row]]), order)


def _rate(read: Callable[[int], object], order: np.ndarray) -> float:
    """Rows a second of processor time, which other programs do not blur; warm."""
    rows = order.tolist()
    for row in rows[: len(rows) // READS]:
        read(row)
    start = time.process_time()
    for row in rows:
        read(row)
    return len(rows) / (time.process_time() - start)
