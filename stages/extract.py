"""Stage `extract`: the features of every usable image, for one role, into a feature store."""

from pathlib import Path

import click

from pipeline.params.block import read
from pipeline.params.extract import Extract
from pipeline.params.runtime import Runtime
from pipeline.vision.extract import extract
from stages.command import IN, OUT, PARAMS, stage


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
    report = extract(
        images,
        folder,
        store,
        params.backbone,
        params.weights,
        params.outputs,
        params.precision,
        sha256=params.sha256,
        weights_dir=Path(runtime.weights_dir) if runtime.weights_dir else None,
        batch=runtime.batch,
        workers=runtime.workers,
        device=runtime.device,
        engine=runtime.engine,
        actors=runtime.actors,
        mode=runtime.progress,
    )
    click.echo(report)


if __name__ == "__main__":
    main()
