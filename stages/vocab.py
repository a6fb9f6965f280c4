"""Stage `vocab`: word, character and label vocabularies of the posts."""

from pathlib import Path

import click

from pipeline.corpus.bio import types_of
from pipeline.params.block import read
from pipeline.params.prepare import Prepare
from pipeline.params.vocab import Vocab
from pipeline.text.vocab import build_vocab
from stages.command import IN, OUT, PARAMS, stage, tell


@click.command()
@click.option("--posts", type=IN, required=True)
@click.option("--vocab", type=OUT, required=True, help="Folder for the three vocabularies.")
@stage
def main(posts: Path, vocab: Path) -> None:
    """Count words, characters and labels, and write the three vocabularies."""
    types = types_of(read(PARAMS, "prepare", Prepare))
    tell(build_vocab(read(PARAMS, "vocab", Vocab), types, posts, vocab))


if __name__ == "__main__":
    main()
