"""Stage `knowledge`: the graph's triples about the entity that each post's picture shows."""

from pathlib import Path

import click

from pipeline.knowledge.lookup.knowledge import Files, find_knowledge
from pipeline.params.block import read
from pipeline.params.knowledge import Knowledge
from stages.command import IN, OUT, PARAMS, stage, tell


@click.command()
@click.option("--posts", type=IN, required=True)
@click.option("--mentions", type=IN, required=True)
@click.option("--images", type=IN, required=True)
@click.option("--store", type=IN, required=True, help="Feature store of the posts' pictures.")
@click.option("--graph-name", required=True, help="The graph's name, which the outputs tell.")
@click.option("--graph", type=IN, required=True)
@click.option("--label-index", type=IN, required=True)
@click.option("--depictions", type=IN, required=True)
@click.option("--entity-images", type=IN, required=True)
@click.option("--entity-store", type=IN, required=True)
@click.option("--knowledge", type=OUT, required=True)
@click.option("--metrics", type=OUT, required=True)
@stage
def main(graph_name: str, **files: Path) -> None:
    """Look every post's picture up around the names in its text."""
    params = read(PARAMS, "knowledge", Knowledge)
    tell(find_knowledge(params, Files(**files), graph_name))


if __name__ == "__main__":
    main()
