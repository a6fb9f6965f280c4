"""Stage `extract`: the features of every usable image, for one role, into a feature store."""

from pathlib import Path

import click

from pipeline.params.block import read
from pipeline.params.extract import Extract
from pipeline.params.runtime import Runtime
from pipeline.vision.extract import Files, extract
from stages.command import IN, OUT, PARAMS, stage, tell


@click.command()
@click.option("--role", required=True, help="A key of the section `extract` of params.yaml.")
@click.option("--images", type=IN, required=True)
@click.option("--folder", type=OUT, required=True, help="The image folder.")
@click.option("--store", type=OUT, required=True)
@stage
def main(role: str, images: Path, folder: Path, store: Path) -> None:
    """Compute what the store lacks."""
    params = read(PARAMS, f"extract.{role}", Extract)
    runtime = read(PARAMS, "runtime", Runtime)
    tell(extract(Files(images, folder, store), params, runtime))


if __name__ == "__main__":
    main()
