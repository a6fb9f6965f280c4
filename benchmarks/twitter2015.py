"""Twitter2015 by its text: strict test F1 of a system, with every image missing.

The corpus comes without its pictures, so every post's picture is masked, and its phrases have no
words. A system that reads pictures or phrases must come near the same system without them. With
`--pictures random` each post is given one of the ImageNet photographs instead, drawn by chance:
they say nothing of the text, and a system should lose little by them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import click
import numpy as np

from benchmarks.corpus import Corpus, system_params
from benchmarks.phrases import without_words
from pipeline.corpus.images import read_images
from pipeline.corpus.posts import read_posts
from pipeline.errors import PipelineError
from pipeline.params.vectors import VectorSource
from pipeline.systems.system import find_system

DATA = Path("../shared/data")
SPLITS = ("train", "dev", "test")


@click.command()
@click.option("--system", required=True)
@click.option("--data", type=click.Path(path_type=Path), default=DATA, show_default=True)
@click.option("--seeds", default="1,2,3", show_default=True)
@click.option("--pictures", type=click.Choice(["missing", "random"]), default="missing")
@click.option("--preset", help="a file of conf/system/SYSTEM, in place of params.yaml")
@click.option("--context", help="contextual words, a file of conf/context, in place of params.yaml")
@click.option("--set", "settings", multiple=True, help="e.g. training.learning_rate=0.001")
def main(
    system: str,
    data: Path,
    seeds: str,
    pictures: str,
    preset: str | None,
    context: str | None,
    settings: tuple[str, ...],
) -> dict[str, object]:
    """Train SYSTEM on Twitter2015's text and score it on test."""
    files = {split: data / "twitter2015" / f"{split}.txt" for split in SPLITS}
    glove = data / "vectors" / "glove.6B.100d.tweets.txt.gz"
    for path in (*files.values(), glove):
        if not path.exists():
            raise PipelineError(f"{path}: needs Twitter2015 and GloVe's 100 dimensions there")
    found = find_system(system)
    params = system_params(found, ["glove100"], settings, preset, context)
    chosen = [int(seed) for seed in seeds.split(",")]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "twitter2015"
        # When missing: pictures of another corpus, the ids of these posts are not among them.
        images = Path("samples/images")
        if pictures == "random":
            images = data / "imagenet-sample"
            files = _with_random_pictures(files, folder, images)
        corpus = Corpus(folder, files, images)
        phrases = found.phrase_tables()
        if phrases:
            posts, table = read_posts(corpus.posts), read_images(corpus.images())
        for cache in phrases:
            corpus.phrases[cache] = folder / f"{cache}.parquet"
            without_words(corpus.phrases[cache], cache, posts, table)
        source = VectorSource(kind="text", path=str(glove), package=None, width=100)
        vectors = {"glove100": corpus.vectors(source)}
        scores = corpus.score(found, params, chosen, vectors)
    return {
        "system": system,
        "preset": preset or "params.yaml",
        "context": params.context.store,
        "pictures": pictures,
        "seeds": chosen,
        "settings": settings,
        "dev_f1": scores["dev"]["strict"]["f1"],
        "f1": scores["test"]["strict"]["f1"],
        "deviation": scores["test"]["strict"]["deviation"],
    }


def _with_random_pictures(
    files: Mapping[str, Path], folder: Path, pictures: Path
) -> dict[str, Path]:
    """Copies of the CoNLL files in `folder`, whose posts name files of `pictures` by chance."""
    names = sorted(path.stem for path in pictures.glob("*.JPEG"))
    if not names:
        raise PipelineError(f"{pictures}: needs the ImageNet sample there (its JPEGs)")
    random = np.random.default_rng(1)
    folder.mkdir(parents=True)
    copies = {split: folder / path.name for split, path in files.items()}
    for split, path in files.items():
        lines = [
            f"IMGID:{random.choice(names)}" if line.startswith("IMGID:") else line
            for line in path.read_text(encoding="utf-8").split("\n")
        ]
        copies[split].write_text("\n".join(lines), encoding="utf-8")
    return copies
