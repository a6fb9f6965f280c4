"""How the entity that a post's picture shows is looked for."""

from pydantic import Field

from pipeline.params.block import Block


class Knowledge(Block):
    """How knowledge is looked for; all of it changes the table.

    Attributes:
        scorer: the scorer of fuzzywuzzy that compares a mention with a label.
        cutoff: a candidate has at least this score.
        best: a mention has at most so many candidates.
        theta: two pictures show the same entity if their cosine is at least this.
        hops: an entity that is shown is at most so many relations away from a candidate.
        conceptual: relations whose triples are the knowledge: whole names, or what follows the
            last `/` or `#`. The graph's file of conf/graph/ names them.
        subject_words: whether the words of these triples' subjects belong to the post's words.
        relation_words: likewise for their relations; those of their objects always do.
        fan_out: at most so many edges of an entity are followed; None: all.
    """

    scorer: str
    cutoff: int = Field(ge=1, le=100)
    best: int = Field(ge=1)
    theta: float = Field(gt=0, le=1)
    hops: int = Field(ge=0)
    conceptual: list[str] = Field(min_length=1)
    subject_words: bool
    relation_words: bool
    fan_out: int | None = Field(ge=1)
