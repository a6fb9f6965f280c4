"""A knowledge graph: where it lies (`conf/graph/`), and which of its relations name entities."""

from pydantic import Field

from pipeline.params.block import Block, Quoted


class Graph(Block):
    """A knowledge graph; dvc.yaml passes the paths on to the stages.

    Attributes:
        name: what results call it.
        triples: a file of N-Triples (.nt, or DBpedia's .ttl) or of tab-separated triples (.tsv),
            plain, gzipped or with bzip2; or a folder of such files.
        entity_names: a file beside the triples with a name and a text on each line, tab-separated:
            an entity's first text is its label, others are aliases. None: no such file.
        relation_names: likewise for relations.
        labels: relations, by IRI; an entity's first literal of such a relation is its label,
            others are aliases.
        aliases: relations whose literals are further names.
        redirects: relations whose subject is another name of the object; of several redirects of
            one subject, the last counts.
        languages: only labels and aliases in these languages count; literals without a language
            always do. Empty: all languages count.
        images: the folder of the entities' pictures.
        image_table: a table of entities and files; or `images` itself, with a folder an entity.
    """

    name: Quoted = Field(min_length=1)
    triples: Quoted
    entity_names: str | None
    relation_names: str | None
    labels: list[str]
    aliases: list[str]
    redirects: list[str]
    languages: list[str]
    images: Quoted = Field(min_length=1)
    image_table: Quoted = Field(min_length=1)
