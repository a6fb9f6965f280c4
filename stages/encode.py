"""Stage `encode`: the contextual words of every post, by one encoder, into a feature store."""

from pathlib import Path

import click

from pipeline.language.encode import encode
from pipeline.params.block import read
from pipeline.params.context import Encode
from pipeline.params.runtime import Runtime
from stages.command import IN, OUT, PARAMS, stage, tell


@click.command()
@click.option("--encoder", required=True, help="A key of context.encoders in params.yaml.")
@click.option("--posts", type=IN, required=True)
@click.option("--store", type=OUT, required=True)
@stage
def main(encoder: str, posts: Path, store: Path) -> None:
    """Encode what the store lacks."""
    params = read(PARAMS, f"context.encoders.{encoder}", Encode)
    runtime = read(PARAMS, "runtime", Runtime)
    tell(encode(posts, store, params, runtime))


if __name__ == "__main__":
    main()
