"""Stage `caption`: a caption of every image, by beam search over cached regions."""

from pathlib import Path

import click

from pipeline.captions.caption import Files, caption
from pipeline.params.block import read
from pipeline.params.caption import Caption
from pipeline.params.runtime import Runtime
from stages.command import IN, OUT, PARAMS, stage, tell


@click.command()
@click.option("--store", type=IN, required=True, help="The feature store of the role `caption`.")
@click.option("--model", type=IN, required=True)
@click.option("--numbers", type=OUT, required=True)
@click.option("--captions", type=OUT, required=True)
@stage
def main(**files: Path) -> None:
    """Caption the images of STORE."""
    params = read(PARAMS, "caption", Caption)
    runtime = read(PARAMS, "runtime", Runtime)
    tell(caption(params, runtime, Files(**files)))


if __name__ == "__main__":
    main()
