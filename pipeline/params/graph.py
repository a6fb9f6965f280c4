"""A knowledge graph: where it lies (`conf/graph/`), and which of its relations name entities."""

from pydantic import Field

from pipeline.params.block import Block


class Graph(Block):
    """A knowledge graph; dvc.yaml passes the paths on to the stages."""

    triples: str
    entity_names: str | None = None
    relation_names: str | None = None
    labels: list[str]
    aliases: list[str] = []
    redirects: list[str] = []
    languages: list[str] = []
    images: str = Field(min_length=1)
    image_table: str = Field(min_length=1)
