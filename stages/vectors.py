"""Stages `vectors@SOURCE`: the rows that one source of vectors has for the words in use."""

from pathlib import Path

import click

from pipeline.text.vectors.words import build_vectors
from stages.command import IN, OUT, stage, tell
from stages.vector_source import vector_source


@click.command()
@click.option("--source", required=True, help="A key of vectors.sources.")
@click.option("--file", type=IN, required=True, help="The source; for a package, what pins it.")
@click.option("--posts", type=IN, required=True)
@click.option("--vocab", type=IN, required=True, help="Folder of the vocabularies.")
@click.option("--vectors", type=OUT, required=True)
@stage
def main(source: str, file: Path, posts: Path, vocab: Path, vectors: Path) -> None:
    """Look up the words in use in one source and write their vectors."""
    params, one = vector_source(source, file)
    tell(build_vectors(params, one, posts, vocab, vectors))


if __name__ == "__main__":
    main()
