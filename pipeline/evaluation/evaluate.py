"""Tag dev and test with every seed of a trained system, and score the tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from pipeline.corpus.posts import Post, read_posts
from pipeline.device import steady_device
from pipeline.errors import PipelineError
from pipeline.evaluation.explanations import tabulate, write_explanations
from pipeline.evaluation.predictions import Prediction, write_predictions
from pipeline.evaluation.results import SPLITS
from pipeline.evaluation.scoring import score_system
from pipeline.files import write_json
from pipeline.parallel import cores
from pipeline.params.runtime import Runtime
from pipeline.training.batches import EncodedPosts
from pipeline.training.caches import open_caches
from pipeline.training.context import open_context
from pipeline.training.model import TrainedModel
from pipeline.training.tagger import Tagger


@dataclass(frozen=True)
class EvaluationFiles:
    """What an evaluation reads beside the model, and the four files that it writes."""

    posts: Path
    images: Path | None  # the table of images, for systems that read what goes with images
    caches: Mapping[str, Path]  # cache -> folder of its feature store, or its table
    predictions: Path  # written: the labels of every dev and test post by every seed
    explanations: Path  # written: what the first seed looked at in the posts of test
    metrics: Path  # written: the headline, mean and deviation over seeds
    details: Path  # written: scores by type and by seed
    context: Path | None = None  # as `TrainFiles.context`


def evaluate_system(
    model: TrainedModel, files: EvaluationFiles, dataset: str, runtime: Runtime
) -> str:
    """Score a trained system on dev and test.

    Args:
        model: what the train stage wrote.
        files: what is read and written.
        dataset: the corpus's name, so that tables never mix two.
        runtime: where the network runs, and how progress is shown.

    Returns:
        One line that tells the scores, and one that tells what speaks against them, if any.

    Raises:
        PipelineError: for faults of the posts, the caches or the weights.
    """
    device = steady_device(runtime.device, runtime.deterministic)
    context = open_context(model.params.context, files.context)
    caches = open_caches(model.system.reads, files.caches, files.images, context)
    posts = [post for post in read_posts(files.posts) if post.split in SPLITS]
    if not posts:
        raise PipelineError(f"{files.posts}: the splits dev and test have no post")
    encoded = EncodedPosts(posts, model.lexicon, caches)
    threads = runtime.processes or cores() if device.type == "cpu" else 1
    found: list[Prediction] = []
    for place, seed in enumerate(model.seeds):
        tagger = Tagger.load(model, seed, caches, device)
        labels = tagger.tag(encoded, runtime.progress, f"seed {seed}", threads)
        found += [
            Prediction(post.post, seed, post.split, tuple(predicted))
            for post, predicted in zip(posts, labels, strict=True)
        ]
        if place == 0:
            looked = _explain(tagger, posts, encoded, seed)
            write_explanations(looked, files.explanations, tagger.network.looked_at())
    write_predictions(found, files.predictions, posts, model.setting)
    headline, tables = score_system(
        posts,
        found,
        system=model.system.name,
        dataset=dataset,
        setting=model.setting,
        pictures=caches.pictures if _sees(model) else frozenset(),
    )
    write_json(files.metrics, headline)
    write_json(files.details, tables)
    strict = headline["test"]["strict"]
    spread = "" if strict["deviation"] is None else f" ± {strict['deviation']}"
    told = (
        f"{model.system.name} on {dataset}: strict F1 of test {strict['f1']}{spread} "
        f"over {headline['seeds']} seeds, of dev {headline['dev']['strict']['f1']}"
    )
    return "\n".join(filter(None, [told, model.setting.caution]))


def _explain(
    tagger: Tagger, posts: Sequence[Post], encoded: EncodedPosts, seed: int
) -> list[pa.Table]:
    """What the tagger of `seed` looked at in the posts of test."""
    test = [place for place, post in enumerate(posts) if post.split == "test"]
    return [
        tabulate([posts[place] for place in places], seed, looked)
        for places, looked in tagger.explain(encoded, test)
    ]


def _sees(model: TrainedModel) -> bool:
    """Whether anything of a post's picture has a part in the network."""
    return any(read.role is not None for read in model.system.used(model.params))
