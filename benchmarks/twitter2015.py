"""Twitter2015 by its text: strict test F1 of a system, with every image missing.

The corpus comes without its pictures, so each post is masked, and its phrases have no words; a
system that reads either must come near the same system without them.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from benchmarks.corpus import Corpus, system_params
from benchmarks.phrases import without_words
from pipeline.corpus.images import read_images
from pipeline.corpus.posts import read_posts
from pipeline.errors import PipelineError
from pipeline.store.phrases import OUTPUT
from pipeline.systems.system import find_system

DATA = Path("../shared/data")
SPLITS = ("train", "dev", "test")


@click.command()
@click.option("--system", required=True)
@click.option("--data", type=click.Path(path_type=Path), default=DATA, show_default=True)
@click.option("--seeds", default="1,2,3", show_default=True)
@click.option("--set", "settings", multiple=True, help="e.g. training.learning_rate=0.001")
def main(system: str, data: Path, seeds: str, settings: tuple[str, ...]) -> dict[str, object]:
    """Train SYSTEM on Twitter2015's text and score it on test."""
    files = {split: data / "twitter2015" / f"{split}.txt" for split in SPLITS}
    glove = data / "vectors" / "glove.6B.100d.tweets.txt.gz"
    for path in (*files.values(), glove):
        if not path.exists():
            raise PipelineError(f"{path}: needs Twitter2015 and GloVe's 100 dimensions there")
    params = system_params(system, ["glove100"], settings)
    chosen = [int(seed) for seed in seeds.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        # Pictures of another corpus: the ids of these posts are not among them.
        corpus = Corpus(Path(folder) / "twitter2015", files, Path("samples/images"))
        for cache, output in find_system(system).REQUIRES.items():
            if output == OUTPUT:
                corpus.phrases[cache] = corpus.folder / f"{cache}.parquet"
                posts, images = read_posts(corpus.posts), read_images(corpus.images())
                without_words(corpus.phrases[cache], cache, posts, images)
        vectors = {"glove100": corpus.vectors("text", glove, None, 100)}
        test = corpus.score(system, params, chosen, vectors)["test"]["strict"]
    return {"system": system, "seeds": chosen, "f1": test["f1"], "deviation": test["deviation"]}
