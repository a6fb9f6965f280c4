"""Stage `caption`: a caption of every image, by beam search over cached regions."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.captions.caption import caption
from pipeline.device import find_device
from pipeline.params.block import read
from pipeline.params.caption import Caption
from pipeline.params.runtime import Runtime
from stages.command import IN, OUT, PARAMS, stage


@click.command()
@click.option("--store", type=IN, required=True, help="of the role caption")
@click.option("--model", type=IN, required=True)
@click.option("--numbers", type=OUT, required=True)
@click.option("--captions", "table", type=OUT, required=True)
@stage
def main(store: Path, model: Path, numbers: Path, table: Path) -> None:
    """Caption the images of STORE."""
    params = read(PARAMS, "caption", Caption)
    runtime = read(PARAMS, "runtime", Runtime)
    report = caption(
        store,
        model,
        numbers,
        table,
        beam_width=params.beam_width,
        length_power=params.length_power,
        max_words=params.max_words,
        batch=runtime.batch,
        device=find_device(runtime.device),
        mode=runtime.progress,
    )
    click.echo(report)


if __name__ == "__main__":
    main()
