"""Twitter2015 by its text: strict test F1 of a system, with every image missing.

The corpus comes without its pictures, so each post is masked; a system that reads images must come
near the same system without them.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from benchmarks.corpus import Corpus, system_params
from pipeline.errors import PipelineError

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
        vectors = {"glove100": corpus.vectors("text", glove, None, 100)}
        test = corpus.score(system, params, chosen, vectors)["test"]["strict"]
    return {"system": system, "seeds": chosen, "f1": test["f1"], "deviation": test["deviation"]}
