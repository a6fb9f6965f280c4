"""The sample by what is read: test F1 of each trained system as it is, and with its input masked.

It loads the models and features of `dvc repro` on the sample, and trains nothing. Masked pictures
are posts without an image id, which takes region features, image words, attributes and captions
away at once; a masked table has the same keys and no words. The weights stay as they were trained,
so the difference is what the system takes from what it reads.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import click

from pipeline.corpus.posts import Post, read_posts
from pipeline.device import steady_device
from pipeline.errors import PipelineError
from pipeline.metrics.scores import strict_f1
from pipeline.params.block import nearest
from pipeline.systems.system import PhraseWords, Read, known_systems
from pipeline.tables.phrases import NONE, read_phrases, write_phrases
from pipeline.training.caches import open_caches
from pipeline.training.model import TrainedModel
from pipeline.training.tagger import Tagger

FEATURES, MODELS = Path("features"), Path("models")
PICTURES = "pictures"


@click.command()
@click.option("--system", "systems", multiple=True, help="default: every system")
def main(systems: tuple[str, ...]) -> dict[str, object]:
    """Score the systems that `dvc repro` trained on the sample, with and without what they read."""
    known = known_systems()
    for system in systems:
        if system not in known:
            raise PipelineError(f"no system {system!r}{nearest(system, known)}; there are {known}")
    posts = [post for post in read_posts(FEATURES / "posts.parquet") if post.split == "test"]
    found: dict[str, object] = {}
    for name in systems or known:
        model = TrainedModel.read(MODELS / name)
        signals = readable(model.system.reads)
        told = score(model, posts, [])
        row: dict[str, object] = {"f1": told, "masked": None, "what": "text alone"}
        if signals:
            row |= {"masked": score(model, posts, signals), "what": " and ".join(signals)}
        if len(signals) > 1:
            row["each"] = {signal: score(model, posts, [signal]) for signal in signals}
        found[name] = row
        click.echo(f"{name}: {row}")
    return found


def readable(reads: Sequence[Read]) -> list[str]:
    """What can be masked of what a system reads: pictures, and tables keyed by something else."""
    tables = [read.cache for read in reads if isinstance(read, PhraseWords)]
    apart = [name for name in tables if read_phrases(cache(name)).keyed_by != "image"]
    return ([PICTURES] if len(apart) < len(reads) else []) + apart


def cache(name: str) -> Path:
    """Where `dvc repro` puts a cache: the folder of a feature store, or a table."""
    if name in ("tags", "regions"):
        return FEATURES / name
    of_tags = name in ("image_words", "attributes")
    return FEATURES / ("tags.parquet" if of_tags else f"{name}.parquet")


def score(model: TrainedModel, posts: Sequence[Post], masked: Iterable[str]) -> float:
    """Strict F1 of `posts`, in percent, mean over the model's seeds, with `masked` signals away."""
    masked = frozenset(masked)
    shown = [replace(post, image=None) for post in posts] if PICTURES in masked else posts
    device = steady_device("cpu", deterministic=False)
    gold = [post.labels for post in posts]
    with tempfile.TemporaryDirectory() as folder:
        paths = {read.cache: cache(read.cache) for read in model.system.reads}
        for name in masked - {PICTURES}:
            paths[name] = without_words(paths[name], Path(folder) / f"{name}.parquet")
        images = FEATURES / "images.parquet" if paths else None
        caches = open_caches(model.system.reads, paths, images)
        taggers = [Tagger.load(model, seed, caches, device) for seed in model.seeds]
        scores = [strict_f1(gold, tagger.tag(tagger.encode(shown))) for tagger in taggers]
    return round(fmean(scores), 2)


def without_words(table: Path, path: Path) -> Path:
    """Write a table of phrases to `path` with its keys and fingerprint, but no word.

    A model takes no table of another fingerprint than it was trained on.
    """
    full = read_phrases(table)
    rows = [(key, NONE) for key in sorted(full.rows)]
    write_phrases(path, full.keyed_by, full.fingerprint, rows, facts=full.facts)
    return path
