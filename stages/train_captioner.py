"""Stage `train_captioner`: the decoder that captions images, on cached regions."""

from pathlib import Path

import click

from pipeline.captions.train import Files, train_captioner
from pipeline.params.block import read
from pipeline.params.captioner import CaptionerParams
from pipeline.params.runtime import Runtime
from stages.command import IN, OUT, PARAMS, stage


@click.command()
@click.option("--captions", type=IN, required=True, help="COCO's JSON, or Flickr8k's tokens.")
@click.option("--images", type=IN, required=True)
@click.option("--store", type=IN, required=True, help="The feature store of the role `caption`.")
@click.option("--model", type=OUT, required=True)
@stage
def main(**files: Path) -> None:
    """Train the captioner."""
    params = read(PARAMS, "captioner", CaptionerParams)
    runtime = read(PARAMS, "runtime", Runtime)
    train_captioner(params, runtime, Files(**files), click.echo)


if __name__ == "__main__":
    main()
