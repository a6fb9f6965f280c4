"""The common part of the stages that read word vectors: the block of one source."""

from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.params.block import nearest, read
from pipeline.params.vectors import Vectors, VectorSource
from stages.command import PARAMS


def vector_source(name: str, file: Path) -> tuple[Vectors, VectorSource]:
    """The block `vectors`, and its source of this name, which lies at `file`.

    Raises:
        PipelineError: for a name that `vectors.sources` does not have, with the nearest.
    """
    params = read(PARAMS, "vectors", Vectors)
    if name not in params.sources:
        known = ", ".join(sorted(params.sources))
        hint = nearest(name, params.sources)
        raise PipelineError(f"{PARAMS}: vectors.sources has no {name!r}{hint}; known: {known}")
    return params, params.sources[name].model_copy(update={"path": str(file)})
