"""`mner compare`: the difference between two systems, tested over posts."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from pipeline.evaluation.comparison import REPLICATES, SEED, compare
from pipeline.evaluation.results import SPLITS
from pipeline.files import write_json
from pipeline.metrics.spans import Reading
from stages.command import IN, OUT, stage

READINGS = click.Choice(get_args(Reading))


@click.command()
@click.option("--predictions", type=OUT, multiple=True, help="of a system; give two")
@click.option("--posts", type=IN, default="features/posts.parquet", show_default=True)
@click.option("--split", type=click.Choice(SPLITS), default="test", show_default=True)
@click.option("--reading", type=READINGS, default="strict", show_default=True)
@click.option("--replicates", type=click.IntRange(min=1), default=REPLICATES, show_default=True)
@click.option("--seed", type=int, default=SEED, show_default=True, help="of the draws")
@click.option("--json", "document", type=OUT, help="write the same as JSON")
@stage
def main(
    predictions: tuple[Path, ...],
    posts: Path,
    split: str,
    reading: Reading,
    replicates: int,
    seed: int,
    document: Path | None,
) -> None:
    """Test the difference in F1 between two systems, the first less the second."""
    found = compare(
        posts, predictions, split=split, reading=reading, replicates=replicates, seed=seed
    )
    if document is not None:
        write_json(document, found.to_dict())
    click.echo(found.markdown(), nl=False)


if __name__ == "__main__":
    main()
