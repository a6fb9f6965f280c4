"""Stage `index_entity_images`: which pictures show which entities, and which can be used."""

from pathlib import Path

import click

from pipeline.knowledge.lookup.depictions import Files, index_entity_images
from pipeline.params.block import read
from pipeline.params.index_images import IndexImages
from pipeline.params.runtime import Runtime
from stages.command import IN, OUT, PARAMS, stage, tell


@click.command()
@click.option("--graph", type=IN, required=True)
@click.option("--table", type=OUT, required=True, help="Entity and file; or the folder itself.")
@click.option("--folder", type=OUT, required=True, help="The folder of the pictures.")
@click.option("--images", type=OUT, required=True)
@click.option("--thumbnails", type=OUT, required=True, help="The folder to be written.")
@click.option("--depictions", type=OUT, required=True)
@click.option("--metrics", type=OUT, required=True)
@stage
def main(**files: Path) -> None:
    """Look at every entity's pictures once, and write what was found and thumbnails."""
    params = read(PARAMS, "index_images", IndexImages)
    runtime = read(PARAMS, "runtime", Runtime)
    tell(index_entity_images(params, runtime, Files(**files)))


if __name__ == "__main__":
    main()
