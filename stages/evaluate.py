"""Stages `evaluate_SYSTEM`: a trained system's predictions and scores on dev and test."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.evaluation.evaluate import EvaluationFiles, evaluate_system
from pipeline.params.block import read
from pipeline.params.runtime import Runtime
from pipeline.training.model import TrainedModel
from stages.command import IN, OUT, PARAMS, NamedPath, stage


@click.command()
@click.option("--dataset", required=True, help="the corpus's name")
@click.option("--model", type=IN, required=True)
@click.option("--posts", type=IN, required=True)
@click.option("--images", type=IN, help="for systems that read what goes with images")
@click.option("--cache", type=NamedPath(), multiple=True, help="CACHE=FOLDER or its table")
@click.option("--predictions", type=OUT, required=True)
@click.option("--explanations", type=OUT, required=True)
@click.option("--metrics", type=OUT, required=True)
@click.option("--details", type=OUT, required=True)
@stage
def main(
    dataset: str,
    model: Path,
    posts: Path,
    images: Path | None,
    cache: tuple[tuple[str, Path], ...],
    predictions: Path,
    explanations: Path,
    metrics: Path,
    details: Path,
) -> None:
    """Tag dev and test with every seed of MODEL, and score them."""
    runtime = read(PARAMS, "runtime", Runtime)
    files = EvaluationFiles(posts, images, dict(cache), predictions, explanations, metrics, details)
    click.echo(evaluate_system(TrainedModel.read(model), files, dataset, runtime))


if __name__ == "__main__":
    main()
