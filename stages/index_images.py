"""Stage `index_images`: the image folder into a table of what can be used, and why not the rest."""

from pathlib import Path

import click

from pipeline.corpus.image_index import index_images
from pipeline.params.block import read
from pipeline.params.index_images import IndexImages
from pipeline.params.runtime import Runtime
from stages.command import IN, OUT, PARAMS, stage, tell


@click.command()
@click.option("--posts", type=IN, required=True)
@click.option("--folder", type=OUT, required=True, help="The image folder.")
@click.option("--images", type=OUT, required=True)
@click.option("--thumbnails", type=OUT, required=True, help="The folder to be written.")
@click.option("--metrics", type=OUT, required=True)
@stage
def main(posts: Path, folder: Path, images: Path, thumbnails: Path, metrics: Path) -> None:
    """Look at every image once, and write what was found and a thumbnail of it."""
    params = read(PARAMS, "index_images", IndexImages)
    runtime = read(PARAMS, "runtime", Runtime)
    tell(index_images(posts, folder, images, thumbnails, metrics, params, runtime))


if __name__ == "__main__":
    main()
