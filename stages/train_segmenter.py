"""Stage `train_segmenter`: the network that splits hashtags, trained on joined phrases."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.params.block import read
from pipeline.params.segmenter import SegmenterParams
from pipeline.text.hashtags.train import train_segmenter
from stages.command import FRESH, IN, OUT, PARAMS, runtime_of, stage, tell


@click.command()
@click.option("--posts", type=IN, required=True)
@click.option("--model", type=OUT, required=True)
@FRESH
@stage
def main(posts: Path, model: Path, fresh: bool) -> None:
    """Train the neural segmenter."""
    params = read(PARAMS, "segmenter", SegmenterParams)
    runtime = runtime_of(fresh)
    train_segmenter(params, runtime, posts, model, tell)


if __name__ == "__main__":
    main()
