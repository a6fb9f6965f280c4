"""Stage `train_captioner`: the decoder that captions images, on cached regions."""

from pathlib import Path

import click

from pipeline.captions.train import Files, train_captioner
from pipeline.params.block import read
from pipeline.params.captioner import CaptionerParams
from stages.command import FRESH, IN, OUT, PARAMS, runtime_of, stage, tell


@click.command()
@click.option("--captions", type=IN, required=True, help="COCO's JSON, or Flickr8k's tokens.")
@click.option("--images", type=IN, required=True)
@click.option("--store", type=IN, required=True, help="The feature store of the role `caption`.")
@click.option("--model", type=OUT, required=True)
@FRESH
@stage
def main(fresh: bool, **files: Path) -> None:
    """Train the captioner."""
    params = read(PARAMS, "captioner", CaptionerParams)
    runtime = runtime_of(fresh)
    train_captioner(params, runtime, Files(**files), tell)


if __name__ == "__main__":
    main()
