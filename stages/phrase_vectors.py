"""Stages `CACHE_vectors@SOURCE`: the rows of one source for the words of a table of phrases."""

from pathlib import Path

import click

from pipeline.text.vectors.phrases import build_phrase_vectors
from stages.command import IN, OUT, stage, tell
from stages.vector_source import vector_source


@click.command()
@click.option("--source", required=True, help="A key of vectors.sources.")
@click.option("--file", type=IN, required=True, help="The source; for a package, what pins it.")
@click.option("--phrases", type=IN, required=True, help="A table of phrases or of image words.")
@click.option("--vocab", type=IN, required=True, help="Folder of the vocabularies.")
@click.option("--vectors", type=OUT, required=True)
@stage
def main(source: str, file: Path, phrases: Path, vocab: Path, vectors: Path) -> None:
    """Look up the words of one table of phrases in one source and write their vectors."""
    params, one = vector_source(source, file)
    tell(build_phrase_vectors(params, one, phrases, vocab, vectors))


if __name__ == "__main__":
    main()
