"""A trained model and the chain behind it as one folder, which predicts by itself.

The folder holds safetensors, JSON and Parquet, nothing that runs (`pipeline.predict.folder` lists
it). The image networks and encoders are not in it: their weights are published files, and the
fingerprints in it say which. Nor, unless asked for, are the sources of word vectors: the network
has a row for every word of its corpus, and a word that it never met is an unknown word then. With
all rows of the sources, which for GloVe or fastText are gigabytes, such a word has its row as in
the project.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.files import write_json
from pipeline.knowledge.graph.graph import read_graph
from pipeline.knowledge.lookup.knowledge import depicted
from pipeline.params.runtime import Runtime
from pipeline.predict.chain import Chain, find_chain
from pipeline.predict.folder import MODEL, PARAMS, Description
from pipeline.predict.links import Links
from pipeline.predict.saved import save_rows, save_vectors
from pipeline.training.model import TrainedModel

# What a table of phrases needs beside the text and the image networks.
NEEDS: Mapping[str, str] = {
    "captions": "captioner",
    "hashtags": "segmenter",
    "knowledge": "graph",
}
SECTIONS = (
    "caption",
    "context",
    "extract",
    "graph",
    "hashtags",
    "index_images",
    "knowledge",
    "mentions",
    "runtime",
    "tags",
    "vectors",
)


@dataclass(frozen=True)
class Report:
    """What was exported; `str(report)` is for the terminal."""

    folder: Path
    description: Description
    networks: Mapping[str, str]  # role -> its image network; context -> its encoder
    megabytes: float

    def __str__(self) -> str:
        networks = ", ".join(f"{net} for {role}" for role, net in self.networks.items())
        words = "all of its sources" if self.description.full_vectors else "its own words"
        lines = [
            f"{self.folder}: {self.description.system}, {self.megabytes:.1f} MB;"
            f" it holds {', '.join(self.description.parts)}, with the vectors of {words}",
        ]
        if networks:
            lines.append(f"it needs the weights of {networks}")
        return "\n".join(lines)


def export(model: Path, folder: Path, *, full_vectors: bool, say: Callable[[str], None]) -> Report:
    """Write the folder; the chain is checked against the model first.

    Args:
        model: `models/SYSTEM` of a project.
        folder: written; it may be there, and empty.
        full_vectors: whether all rows of the sources of word vectors go in.
        say: is told what a person should read.

    Raises:
        PipelineError: for a folder that holds something, a model that is an export itself, or a
            chain that is not whole or not the model's.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise PipelineError(f"{folder}: is there and not empty: name another folder")
    chain = find_chain(model)
    if chain.exported is not None:
        raise PipelineError(f"{model}: is an export itself: copy it")
    trained = TrainedModel.read(model)
    links = Links(trained, chain, chain.block("runtime", Runtime), say)
    for seed in trained.seeds:
        trained.network(seed)  # so that weights which are missing are noticed here
    needs = [NEEDS[name] for name in trained.system.phrase_tables() if name in NEEDS]
    mentions = chain.mentions() if "graph" in needs else ""
    description = Description(trained.system.name, ["text", *needs], full_vectors, mentions)
    with _whole(folder) as made:
        shutil.copytree(model, made / MODEL)
        write_json(made / PARAMS, _params(chain))
        for need in needs:
            _PARTS[need](chain, made)
        if full_vectors:
            names = list(dict.fromkeys(trained.params.vectors))
            for name, source in chain.sources(names).items():
                save_vectors(source.all(), made / "vectors", name)
        description.write(made)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Report(folder, description, links.networks, size / 1e6)


@contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    """A folder beside `folder`, which becomes it when all is written; a fault leaves nothing."""
    made = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(made, ignore_errors=True)  # what a killed run left
    try:
        made.mkdir(parents=True)
        yield made
        if folder.exists():
            folder.rmdir()
        made.rename(folder)
    except OSError as error:
        raise PipelineError(f"{folder}: cannot be written: {error}") from None
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _params(chain: Chain) -> dict[str, object]:
    """The sections that the chain reads; folders of this machine are left out."""
    params = {name: chain.params[name] for name in SECTIONS}
    return {**params, "runtime": {**chain.params["runtime"], "weights_dir": None}}


def _captioner(chain: Chain, folder: Path) -> None:
    shutil.copytree(chain.captioner, _below(chain, chain.captioner, folder))


def _segmenter(chain: Chain, folder: Path) -> None:
    if chain.segmenter.is_dir():
        shutil.copytree(chain.segmenter, _below(chain, chain.segmenter, folder))


def _graph(chain: Chain, folder: Path) -> None:
    files = chain.graph
    for path in (files.graph, files.label_index):
        shutil.copytree(path, _below(chain, path, folder))
    for path in (files.depictions, files.entity_images):
        shutil.copy(path, _below(chain, path, folder))
    keys, _ = depicted(files, read_graph(files.graph))
    save_rows(chain.entity_rows(), keys, folder / "features" / "entity_images")


_PARTS: Mapping[str, Callable[[Chain, Path], None]] = {
    "captioner": _captioner,
    "segmenter": _segmenter,
    "graph": _graph,
}


def _below(chain: Chain, path: Path, folder: Path) -> Path:
    return folder / path.relative_to(chain.root)
