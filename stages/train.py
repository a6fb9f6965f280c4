"""Stages `train_SYSTEM`: one system trained on the caches that it reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pipeline.params.block import read
from pipeline.params.train import Train
from pipeline.systems.system import find_system
from pipeline.training.train import TrainFiles, train_system
from stages.command import FRESH, IN, OUT, PARAMS, NamedPath, by_source, runtime_of, stage, tell


@click.command()
@click.option("--system", required=True)
@click.option("--posts", type=IN, required=True)
@click.option("--vocab", type=IN, required=True)
@click.option("--vectors", type=IN, multiple=True, help="One for each source, in order.")
@click.option("--phrase-vectors", type=IN, multiple=True, help="For each table of phrases.")
@click.option("--images", type=IN, help="For systems that read what goes with images.")
@click.option("--cache", type=NamedPath(), multiple=True, help="CACHE=FOLDER or its table.")
@click.option("--context", type=IN, help="The store of contextual words, or a file `none`.")
@click.option("--model", type=OUT, required=True)
@click.option("--curves", type=OUT, required=True)
@FRESH
@stage
def main(
    system: str,
    vectors: tuple[Path, ...],
    phrase_vectors: tuple[Path, ...],
    cache: tuple[tuple[str, Path], ...],
    fresh: bool,
    **paths: Any,
) -> None:
    """Train SYSTEM once a seed."""
    found = find_system(system)
    params = read(PARAMS, f"systems.{system}", found.Params)
    train, runtime = read(PARAMS, "train", Train), runtime_of(fresh)
    files = TrainFiles(
        vectors={path.stem: path for path in vectors},
        phrase_vectors=by_source(phrase_vectors),
        caches=dict(cache),
        **paths,
    )
    train_system(found, params, train, files, runtime, tell)


if __name__ == "__main__":
    main()
