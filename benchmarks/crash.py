"""Kill extractions (-9) at random instants; each rerun must give the undisturbed store's bytes.

The killed process is the real extraction of real image files with the embedded network. The instant
lies between the opening of the store and the writing of its index; two passes run at a time, each
on a thread. Half of the runs start from an empty store, half from a store whose shards double. The
undisturbed run and the reruns have one thread.
"""

from __future__ import annotations

import multiprocessing
import random
import shutil
import tempfile
import time
from pathlib import Path

import click
import numpy as np
import torch
from PIL import Image

from benchmarks.blocks import of_project, quiet
from pipeline.corpus.image_index import index_images
from pipeline.corpus.posts import Post, write_posts
from pipeline.params.extract import Extract
from pipeline.params.index_images import IndexImages
from pipeline.vision.extract import Files, extract

IMAGES = 64
EARLIER = 15  # images of the store that grows from 2 shards to 8
BATCH = 16  # two threads divide it between them


@click.command()
@click.option("--kills", default=50, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(kills: int, seed: int) -> dict[str, int]:
    """Kill extractions, run each again, and count the stores that came out right."""
    chance = random.Random(seed)
    done = identical = 0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _images(root / "images")
        grown = _index(root, "earlier", EARLIER), _index(root, "all", IMAGES)
        _extract(grown[0], root / "images", root / "earlier")
        start = time.perf_counter()
        _extract(grown[1], root / "images", root / "undisturbed")
        whole = time.perf_counter() - start
        expected = _content(root / "undisturbed")
        while done < kills:
            store = root / f"store{done}"
            if done % 2:
                shutil.copytree(root / "earlier", store)
            # a forked process has torch loaded, so that the instant falls into the work
            process = multiprocessing.get_context("fork").Process(
                target=_extract, args=(grown[1], root / "images", store, 2)
            )
            process.start()
            process.join(chance.uniform(0, whole))
            if not process.is_alive():
                shutil.rmtree(store, ignore_errors=True)
                continue  # it ended before the kill
            process.kill()
            process.join()
            done += 1
            left = len(list(store.glob("0*.h5"))) if store.exists() else 0
            _extract(grown[1], root / "images", store)
            same = _content(store) == expected
            identical += same
            click.echo(f"kill {done}: {left} shards were there, same bytes: {same}", err=True)
            shutil.rmtree(store)
    return {"kills": done, "identical": identical}


def _images(folder: Path) -> None:
    folder.mkdir()
    for seed in range(IMAGES):
        coarse = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), np.uint8)
        Image.fromarray(coarse).resize((240, 240)).save(folder / f"{seed:02}.png")


def _index(root: Path, name: str, images: int) -> Path:
    """Index the first images, and give the path of the table."""
    posts, table, part = root / f"{name}.posts", root / f"{name}.parquet", root / f"{name}.images"
    part.mkdir()
    for path in sorted((root / "images").iterdir())[:images]:
        (part / path.name).symlink_to(path)
    write_posts([Post("train/0", "train", None, ("a",), ("O",), 1)], posts)
    params = of_project("index_images", IndexImages, on_bad_image="error")
    index_images(posts, part, table, root / "thumbnails", root / "images.json", params, quiet())
    return table


def _extract(table: Path, folder: Path, store: Path, threads: int = 1) -> None:
    torch.set_num_threads(threads)
    params = of_project("extract.tags", Extract, outputs=["logits"])
    extract(Files(table, folder, store), params, quiet(batch=BATCH, workers=1))


def _content(store: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in store.iterdir()}
