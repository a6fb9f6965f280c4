"""`mner export`: a trained model as one folder that predicts by itself."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.predict.export import export
from pipeline.progress import say
from stages.command import OUT, stage


@click.command()
@click.argument("model", type=OUT)
@click.argument("folder", type=OUT)
@click.option("--full-vectors", is_flag=True, help="All rows of the sources, for words yet unmet.")
@stage
def main(model: Path, folder: Path, full_vectors: bool) -> None:
    """Write MODEL and what it needs into FOLDER: safetensors, JSON and Parquet.

    Without --full-vectors, words that the model's corpus lacks are unknown words there.
    """
    click.echo(export(model, folder, full_vectors=full_vectors, say=say))


if __name__ == "__main__":
    main()
