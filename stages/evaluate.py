"""Stages `evaluate_SYSTEM`: a trained system's predictions and scores on dev and test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pipeline.evaluation.evaluate import EvaluationFiles, evaluate_system
from pipeline.params.block import read
from pipeline.params.runtime import Runtime
from pipeline.training.model import TrainedModel
from stages.command import IN, OUT, PARAMS, NamedPath, stage, tell


@click.command()
@click.option("--dataset", required=True, help="the corpus's name")
@click.option("--model", type=IN, required=True)
@click.option("--posts", type=IN, required=True)
@click.option("--images", type=IN, help="for systems that read what goes with images")
@click.option("--cache", type=NamedPath(), multiple=True, help="CACHE=FOLDER or its table")
@click.option("--context", type=IN, help="the store of contextual words, or a file `none`")
@click.option("--predictions", type=OUT, required=True)
@click.option("--explanations", type=OUT, required=True)
@click.option("--metrics", type=OUT, required=True)
@click.option("--details", type=OUT, required=True)
@stage
def main(dataset: str, model: Path, cache: tuple[tuple[str, Path], ...], **paths: Any) -> None:
    """Tag dev and test with every seed of MODEL, and score them."""
    files = EvaluationFiles(caches=dict(cache), **paths)
    runtime = read(PARAMS, "runtime", Runtime)
    tell(evaluate_system(TrainedModel.read(model), files, dataset, runtime))


if __name__ == "__main__":
    main()
