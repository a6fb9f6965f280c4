"""Stages `train_SYSTEM`: one system trained on the caches that it reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pipeline.params.block import read
from pipeline.params.runtime import Runtime
from pipeline.params.train import Train
from pipeline.systems.system import find_system
from pipeline.training.train import TrainFiles, train_system
from stages.command import IN, OUT, PARAMS, NamedPath, grouped, stage


@click.command()
@click.option("--system", required=True)
@click.option("--posts", type=IN, required=True)
@click.option("--vocab", type=IN, required=True)
@click.option("--vectors", type=NamedPath(), multiple=True, help="SOURCE=FILE, in order")
@click.option("--phrase-vectors", type=NamedPath(), multiple=True, help="SOURCE=FILE, one a table")
@click.option("--images", type=IN, help="for systems that read what goes with images")
@click.option("--cache", type=NamedPath(), multiple=True, help="CACHE=FOLDER or its table")
@click.option("--model", type=OUT, required=True)
@click.option("--curves", type=OUT, required=True)
@stage
def main(
    system: str,
    vectors: tuple[tuple[str, Path], ...],
    phrase_vectors: tuple[tuple[str, Path], ...],
    cache: tuple[tuple[str, Path], ...],
    **paths: Any,
) -> None:
    """Train SYSTEM once a seed."""
    found = find_system(system)
    params = read(PARAMS, f"systems.{system}", found.Params)
    train, runtime = read(PARAMS, "train", Train), read(PARAMS, "runtime", Runtime)
    further = grouped(phrase_vectors)
    files = TrainFiles(vectors=dict(vectors), phrase_vectors=further, caches=dict(cache), **paths)
    train_system(found, params, train, files, runtime, click.echo)


if __name__ == "__main__":
    main()
