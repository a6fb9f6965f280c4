"""Any encoder in the format of `transformers`: a folder of yours.

It holds `config.json`, `model.safetensors`, and the tokenizer's files.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.language.encoder import Encoder, Folder
from pipeline.pretrained import CONFIG, WEIGHTS, find_folder


def find(weights: str, weights_dir: Path | None) -> Folder:
    """The folder that `weights` names."""
    return find_folder(weights, weights_dir, f"{CONFIG}, {WEIGHTS} and the tokenizer's files")


ENCODER = Encoder("transformers", version=1, find=find)
