"""Stage `label_index`: an index of a graph's names, which finds similar ones."""

from pathlib import Path

import click

from pipeline.knowledge.labels.indexing import index_labels
from pipeline.params.block import read
from pipeline.params.knowledge import Knowledge
from stages.command import IN, OUT, PARAMS, stage, tell


@click.command()
@click.option("--graph", type=IN, required=True)
@click.option("--index", type=OUT, required=True, help="Folder for the tables of the index.")
@stage
def main(graph: Path, index: Path) -> None:
    """Index labels and aliases for one scorer of fuzzywuzzy."""
    params = read(PARAMS, "knowledge", Knowledge)
    tell(index_labels(graph, index, params.scorer))


if __name__ == "__main__":
    main()
