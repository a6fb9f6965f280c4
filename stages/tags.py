"""Stage `tags`: the cached logits into the most probable image words."""

from pathlib import Path

import click

from pipeline.params.block import read
from pipeline.params.tags import Tags
from pipeline.vision.tags import tags
from stages.command import IN, OUT, PARAMS, stage, tell


@click.command()
@click.option("--store", type=IN, required=True, help="A feature store that keeps logits.")
@click.option("--tags", "table", type=OUT, required=True)
@stage
def main(store: Path, table: Path) -> None:
    """Write the best classes of each image."""
    params = read(PARAMS, "tags", Tags)
    report = tags(store, table, params.top_k)
    tell(report)


if __name__ == "__main__":
    main()
