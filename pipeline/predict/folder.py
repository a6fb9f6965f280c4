"""The description of an exported folder, by which a copy is known to be whole and of this version.

export.json       this description: version, parts, and the sha256 of every other file
params.json       the sections of params.yaml that the chain reads
models/model/     the network and its vocabularies, as the train stage wrote them
models/captioner/, models/segmenter/, features/...   the parts of the chain, where it has them
vectors/SOURCE.*  all rows of a source of word vectors, if they were asked for
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.files import read_json, sha256_of, write_json

DESCRIPTION, PARAMS = "export.json", "params.json"
MODEL = Path("models", "model")
VERSION = 1  # raised when the layout of the folder, or the meaning of a file, changes


@dataclass(frozen=True)
class Description:
    """What an exported folder says of itself.

    Attributes:
        system: the name of the system.
        parts: the parts of the chain that it holds.
        full_vectors: whether it holds all rows of the sources of word vectors.
        mentions: the sha256 of the corpus's mentions; "" if the system reads no knowledge.
    """

    system: str
    parts: Sequence[str]
    full_vectors: bool
    mentions: str

    def write(self, folder: Path) -> None:
        """Write the description, last of all files, with the digests of all others."""
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        files = {path.relative_to(folder).as_posix(): sha256_of(path) for path in paths}
        write_json(folder / DESCRIPTION, {"version": VERSION, **asdict(self), "files": files})


def check_folder(folder: Path) -> Description:
    """Read the description of an exported folder, and check every file against it.

    Raises:
        PipelineError: for another version, or a file that is missing or another.
    """
    tree = read_json(folder / DESCRIPTION)
    version = tree.get("version") if isinstance(tree, dict) else None
    if version != VERSION:
        raise PipelineError(
            f"{folder}: an export of version {version}, and this program reads version {VERSION}:"
            " export the model again, or use the program that wrote it"
        )
    wrong = [name for name, digest in tree["files"].items() if not _is(folder / name, digest)]
    if wrong:
        raise PipelineError(
            f"{folder}: {len(wrong)} of {len(tree['files'])} files are missing or not as they were"
            f" exported (such as {wrong[0]}): copy the folder again"
        )
    fields = ("system", "parts", "full_vectors", "mentions")
    return Description(**{name: tree[name] for name in fields})


def _is(path: Path, digest: str) -> bool:
    return path.is_file() and sha256_of(path) == digest
