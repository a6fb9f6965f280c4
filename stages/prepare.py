"""Stage `prepare`: the CoNLL files of a corpus into one Parquet table of posts."""

from pathlib import Path

import click

from pipeline.corpus.prepare import prepare
from pipeline.params.block import read
from pipeline.params.prepare import Prepare
from stages.command import IN, OUT, PARAMS, stage, tell


@click.command()
@click.option("--train", type=IN, required=True)
@click.option("--dev", type=IN, required=True)
@click.option("--test", type=IN, required=True)
@click.option("--posts", type=OUT, required=True)
@click.option("--metrics", type=OUT, required=True)
@stage
def main(train: Path, dev: Path, test: Path, posts: Path, metrics: Path) -> None:
    """Read the three CoNLL files and write the table of posts."""
    params = read(PARAMS, "prepare", Prepare)
    files = {"train": train, "dev": dev, "test": test}
    tell(prepare(files, posts, metrics, params))


if __name__ == "__main__":
    main()
