"""Any encoder in the format of `transformers`: a folder of yours.

It holds `config.json`, `model.safetensors`, and the tokenizer's files.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.language.encoder import Encoder, Folder


def find(weights: str, weights_dir: Path | None) -> Folder:
    """The folder of that path; else the one of that name in the mirror folder."""
    places = [Path(weights)] + ([weights_dir / weights] if weights_dir else [])
    for place in places:
        if place.is_dir():
            return place
    tried = " nor ".join(map(str, places))
    raise PipelineError(
        f"weights {weights!r}: neither {tried} is a folder: put one there that holds config.json, "
        "model.safetensors and the tokenizer's files"
    )


ENCODER = Encoder("transformers", version=1, find=find)
