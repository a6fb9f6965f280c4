"""Stage `graph`: tables of entities, relations, triples and neighbours, from files of triples."""

from pathlib import Path

import click

from pipeline.knowledge.graph.importing import import_graph
from pipeline.params.block import read
from pipeline.params.graph import Graph
from stages.command import IN, OUT, PARAMS, stage, tell


@click.command()
@click.option("--triples", type=IN, required=True, help="A file, or a folder of files.")
@click.option("--graph", type=OUT, required=True, help="Folder for the tables.")
@click.option("--metrics", type=OUT, required=True)
@stage
def main(triples: Path, graph: Path, metrics: Path) -> None:
    """Import a knowledge graph."""
    tell(import_graph(read(PARAMS, "graph", Graph), triples, graph, metrics))


if __name__ == "__main__":
    main()
