"""Stage `train_captioner`: the decoder that captions images, on cached regions."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.captions.train import train_captioner
from pipeline.device import find_device
from pipeline.params.block import read
from pipeline.params.captioner import CaptionerParams
from pipeline.params.runtime import Runtime
from stages.command import IN, OUT, PARAMS, stage


@click.command()
@click.option("--captions", type=IN, required=True, help="COCO's JSON, or Flickr8k's tokens")
@click.option("--images", type=IN, required=True)
@click.option("--store", type=IN, required=True, help="of the role caption")
@click.option("--model", type=OUT, required=True)
@stage
def main(captions: Path, images: Path, store: Path, model: Path) -> None:
    """Train the captioner."""
    params = read(PARAMS, "captioner", CaptionerParams)
    runtime = read(PARAMS, "runtime", Runtime)
    train_captioner(
        params,
        captions,
        images,
        store,
        model,
        device=find_device(runtime.device),
        bar=runtime.progress,
        say=click.echo,
    )


if __name__ == "__main__":
    main()
