"""What lies behind a model: the params and files by which its caches are made for new posts.

A model of a project (`models/SYSTEM`) takes them from the params.yaml and the folders of that
project. An exported folder (`pipeline.predict.export`) holds them itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pipeline.errors import PipelineError
from pipeline.files import read_json, sha256_of
from pipeline.knowledge.lookup.knowledge import GraphFiles, Rows
from pipeline.params.block import Block, find, load
from pipeline.params.vectors import Vectors, VectorSource
from pipeline.predict.folder import DESCRIPTION, MODEL, PARAMS, Description, check_folder
from pipeline.predict.saved import SavedRows, open_saved_vectors
from pipeline.store.reader import Reader
from pipeline.text.vectors.opened import OpenSource, open_source
from pipeline.training.model import DESCRIPTION as TRAINED

B = TypeVar("B", bound=Block)


@dataclass(frozen=True)
class Chain:
    """The params and files behind a model.

    Attributes:
        root: the project, or the exported folder; other paths begin with it.
        model: the model's folder.
        params: sections of params.yaml.
        where: the file of the sections, for messages.
        exported: what an exported folder says of itself; None for a project.
    """

    root: Path
    model: Path
    params: Mapping[str, Any]
    where: str
    exported: Description | None

    def block(self, section: str, block: type[B]) -> B:
        """A section as a block.

        Raises:
            PipelineError: for one that is missing or wrong.
        """
        return find(self.params, section, block, self.where)

    @property
    def captioner(self) -> Path:
        """The folder of the captioner."""
        return self.root / "models" / "captioner"

    @property
    def segmenter(self) -> Path:
        """The folder of the segmenter of hashtags."""
        return self.root / "models" / "segmenter"

    @property
    def graph(self) -> GraphFiles:
        """The tables of the knowledge graph."""
        features = self.root / "features"
        return GraphFiles(
            features / "graph",
            features / "label_index",
            features / "depictions.parquet",
            features / "entity_images.parquet",
        )

    def entity_rows(self) -> Rows:
        """The rows of the entities' pictures."""
        folder = self.root / "features" / "entity_images"
        return Reader(folder) if self.exported is None else SavedRows.read(folder)

    def mentions(self) -> str:
        """The sha256 of the corpus's mentions, which the digest of its knowledge names."""
        if self.exported is not None:
            return self.exported.mentions
        path = self.root / "features" / "mentions.parquet"
        if not path.is_file():
            raise PipelineError(f"{path}: no such file; run `dvc repro mentions` or `dvc pull` it")
        return sha256_of(path)

    def sources(self, names: list[str]) -> dict[str, OpenSource]:
        """The sources of word vectors of these names; none if an export holds none of them."""
        if self.exported is not None:
            folder = self.root / "vectors"
            kept = names if self.exported.full_vectors else []
            return {name: open_saved_vectors(folder, name) for name in kept}
        known = self.block("vectors", Vectors).sources
        missing = [name for name in names if name not in known]
        if missing:
            raise PipelineError(
                f"{self.where}: vectors.sources lacks {missing[0]!r}, whose vectors {self.model} "
                "was trained with: compose params.yaml with it"
            )
        return {name: open_source(_below(self.root, known[name])) for name in names}


def find_chain(folder: Path) -> Chain:
    """The chain behind a folder: an export, or a model of a project.

    Raises:
        PipelineError: for a folder that is neither, or an export that is not whole.
    """
    if (folder / DESCRIPTION).exists():
        description = check_folder(folder)
        path = folder / PARAMS
        return Chain(folder, folder / MODEL, read_json(path), str(path), description)
    if not (folder / TRAINED).is_file():
        raise PipelineError(
            f"{folder}: holds neither {TRAINED} nor {DESCRIPTION}: name a folder that a train stage"
            " or `mner export` wrote, whole"
        )
    root = folder.parent.parent
    return Chain(root, folder, load(root / "params.yaml"), str(root / "params.yaml"), None)


def _below(root: Path, source: VectorSource) -> VectorSource:
    """The source with its path seen from here."""
    return source.model_copy(update={"path": str(root / source.path)})
