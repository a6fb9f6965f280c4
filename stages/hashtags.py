"""Stage `hashtags`: the words of every hashtag of the posts."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.params.block import read
from pipeline.params.hashtags import Hashtags
from pipeline.text.hashtags.table import hashtags
from stages.command import IN, OUT, PARAMS, stage, tell


@click.command()
@click.option("--posts", type=IN, required=True)
@click.option("--model", type=IN, help="The folder of the neural segmenter.")
@click.option("--hashtags", "table", type=OUT, required=True)
@stage
def main(posts: Path, model: Path | None, table: Path) -> None:
    """Split the hashtags and write their words."""
    tell(hashtags(read(PARAMS, "hashtags", Hashtags), posts, model, table))


if __name__ == "__main__":
    main()
