"""Stage `mentions`: the words of each post that may name an entity of the graph."""

from pathlib import Path

import click

from pipeline.knowledge.lookup.mentions import find_mentions
from pipeline.params.block import read
from pipeline.params.mentions import Mentions
from stages.command import IN, OUT, PARAMS, stage, tell


@click.command()
@click.option("--posts", type=IN, required=True)
@click.option("--tagged", type=IN, help="Spans found by a text-only tagger.")
@click.option("--mentions", type=OUT, required=True)
@click.option("--metrics", type=OUT, required=True)
@stage
def main(posts: Path, tagged: Path | None, mentions: Path, metrics: Path) -> None:
    """Write the mentions of every post."""
    params = read(PARAMS, "mentions", Mentions)
    tell(find_mentions(params, posts, tagged, mentions, metrics))


if __name__ == "__main__":
    main()
