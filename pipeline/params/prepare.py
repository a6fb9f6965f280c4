"""How labels are read."""

from pydantic import Field

from pipeline.params.block import Block


class Prepare(Block):
    """How labels are read."""

    entity_types: list[str] = Field(min_length=1)  # any other type in a label is an error
    rename: dict[str, str]  # types are renamed first, e.g. {MISC: OTHER}
    untyped: bool  # every entity's type becomes ENTITY: borders alone are learnt and scored
