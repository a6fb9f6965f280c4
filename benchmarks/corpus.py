"""From CoNLL files and images to scores without DVC: what benchmarks that train have in common.

The same library functions as the stages call, in a folder of the benchmark's own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import yaml

from cli.params import compose
from pipeline.corpus.image_index import index_images
from pipeline.corpus.prepare import prepare
from pipeline.evaluation.evaluate import EvaluationFiles, evaluate_system
from pipeline.files import read_json
from pipeline.language.encode import encode
from pipeline.params.block import parse, read
from pipeline.params.context import Encode
from pipeline.params.extract import Extract
from pipeline.params.index_images import IndexImages
from pipeline.params.prepare import Prepare
from pipeline.params.runtime import Runtime
from pipeline.params.tags import Tags
from pipeline.params.train import Train
from pipeline.params.vectors import Vectors, VectorSource
from pipeline.params.vocab import Vocab
from pipeline.systems.system import System, SystemParams
from pipeline.text.vectors.phrases import build_phrase_vectors
from pipeline.text.vectors.words import build_vectors
from pipeline.text.vocab import build_vocab
from pipeline.training.model import TrainedModel
from pipeline.training.train import TrainFiles, train_system
from pipeline.vision.extract import Files, extract
from pipeline.vision.tags import tags

PARAMS = Path("params.yaml")
TYPES = ["PER", "LOC", "ORG", "OTHER"]
SPLITS = ["train", "dev", "test"]


class Corpus:
    """A corpus in a folder, with the caches that systems ask of it, each made once.

    `phrases` takes the tables of phrases that are made by hand, by the cache's name.
    """

    def __init__(self, folder: Path, files: Mapping[str, Path], images: Path | None) -> None:
        self.folder = folder
        self.image_folder = images
        self.phrases: dict[str, Path] = {}
        self._sources: dict[Path, VectorSource] = {}
        self.posts = folder / "posts.parquet"
        self.vocab = folder / "vocab"
        labels = Prepare(entity_types=TYPES, rename={}, untyped=False)
        click.echo(prepare(files, self.posts, folder / "posts.json", labels))
        click.echo(build_vocab(read(PARAMS, "vocab", Vocab), TYPES, self.posts, self.vocab))

    def vectors(self, source: VectorSource) -> Path:
        """The word vectors of one source."""
        out = self.folder / f"vectors-{source.width}.parquet"
        params = read(PARAMS, "vectors", Vectors)
        click.echo(build_vectors(params, source, self.posts, self.vocab, out))
        self._sources[out] = source
        return out

    def phrase_vectors(self, vectors: Path, cache: str) -> Path:
        """What the source of `vectors` has of the words of a table of phrases."""
        out = vectors.with_name(f"{vectors.stem}-{cache}.parquet")
        source, table = self._sources[vectors], self.cache(cache)
        params = read(PARAMS, "vectors", Vectors)
        click.echo(build_phrase_vectors(params, source, table, self.vocab, out))
        return out

    def images(self) -> Path:
        """The table of images."""
        table = self.folder / "images.parquet"
        if not table.exists():
            assert self.image_folder is not None
            asked = read(PARAMS, "index_images", IndexImages)
            report = index_images(
                self.posts,
                self.image_folder,
                table,
                self.folder / "thumbnails",
                self.folder / "images.json",
                # a benchmark may mask every picture
                asked.model_copy(update={"on_no_image": "mask"}),
                read(PARAMS, "runtime", Runtime),
            )
            click.echo(str(report).splitlines()[0])
        return table

    def cache(self, name: str) -> Path:
        """A cache as systems name it: phrases, image words, or the feature store of a role."""
        if name in self.phrases:
            return self.phrases[name]
        if name not in ("image_words", "attributes"):
            return self.store(name)
        table = self.folder / "tags.parquet"
        if not table.exists():
            click.echo(tags(self.store("tags"), table, read(PARAMS, "tags", Tags).top_k))
        return table

    def store(self, role: str) -> Path:
        """The feature store of a role, with the backbone that params.yaml gives it."""
        params, runtime = read(PARAMS, f"extract.{role}", Extract), read(PARAMS, "runtime", Runtime)
        store = self.folder / role
        files = Files(self.images(), self.image_folder or self.folder, store)
        report = extract(files, params, runtime)
        click.echo(str(report).splitlines()[0])
        return store

    def context(self, name: str) -> Path:
        """The contextual words of the encoder of this name."""
        store = self.folder / "context" / name
        report = encode(self.posts, store, encoder_params(name), read(PARAMS, "runtime", Runtime))
        click.echo(str(report).splitlines()[0])
        return store

    def score(
        self,
        system: type[System],
        params: SystemParams,
        seeds: Sequence[int],
        vectors: Mapping[str, Path],
    ) -> dict[str, dict[str, dict[str, float]]]:
        """Train a system on this corpus and score it: the headline of `evaluate`."""
        images = self.images() if system.reads else None
        context = self.context(params.context.store) if params.context.read else None
        caches = {read.cache: self.cache(read.cache) for read in system.reads}
        further = {
            source: [self.phrase_vectors(path, cache) for cache in system.phrase_tables()]
            for source, path in vectors.items()
            if system.phrase_tables()
        }
        model, out = self.folder / "models" / system.name, self.folder / "scores" / system.name
        curves = self.folder / "curves" / system.name
        runtime = read(PARAMS, "runtime", Runtime).model_copy(update={"progress": "none"})
        train = Train(seeds=list(seeds), max_epochs=None, batch_posts=None)
        given = self.posts, self.vocab, vectors, further, images, caches
        files = TrainFiles(*given, model, curves, context)
        train_system(system, params, train, files, runtime, click.echo)
        scored = EvaluationFiles(
            self.posts,
            images,
            caches,
            predictions=out / "predictions.parquet",
            explanations=out / "explanations.parquet",
            metrics=out / "metrics.json",
            details=out / "details.json",
            context=context,
        )
        name = self.folder.name
        click.echo(evaluate_system(TrainedModel.read(model), scored, name, runtime))
        headline: dict[str, dict[str, dict[str, float]]] = read_json(scored.metrics)
        return headline


def encoder_params(name: str, settings: Sequence[str] = ()) -> Encode:
    """The encoder of conf/context/NAME.yaml, with `KEY=VALUE` settings."""
    with tempfile.TemporaryDirectory() as folder:
        params = Path(folder) / "params.yaml"
        changes = [f"context.encoders.{name}.{setting}" for setting in settings]
        compose(params, [f"context={name}", *changes])
        return read(params, f"context.encoders.{name}", Encode)


def system_params(
    system: type[System],
    vectors: Sequence[str],
    settings: Sequence[str],
    preset: str | None = None,
    context: str | None = None,
) -> SystemParams:
    """A system's block, with other vectors, contextual words, and `KEY=VALUE` settings.

    It is that of params.yaml, or, with a `preset`, that of conf/system/NAME/PRESET.yaml.
    """
    tree = _tree(system.name, preset)
    for setting in settings:
        key, _, value = setting.partition("=")
        section, _, leaf = key.partition(".")
        tree[section][leaf] = yaml.safe_load(value)
    if context is not None:
        tree["context"]["store"] = context
    where = f"systems.{system.name}"
    return parse(tree | {"vectors": list(vectors)}, system.Params, where)


def _tree(name: str, preset: str | None) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        params = PARAMS
        if preset is not None:
            params = Path(folder) / "params.yaml"
            compose(params, [f"system/{name}={preset}"])
        tree: dict[str, Any] = yaml.safe_load(params.read_text(encoding="utf-8"))["systems"][name]
        return tree
