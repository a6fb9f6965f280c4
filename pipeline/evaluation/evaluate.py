"""Tag dev and test with every seed of a trained system, and score what came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from pipeline.corpus.posts import Post, read_posts
from pipeline.errors import PipelineError
from pipeline.evaluation.explanations import explain, write_explanations
from pipeline.evaluation.predictions import Prediction, write_predictions
from pipeline.evaluation.results import SPLITS
from pipeline.evaluation.scoring import score_system
from pipeline.files import write_json
from pipeline.fit.batching import in_order
from pipeline.progress import Mode, progress
from pipeline.systems.system import System, find_system
from pipeline.training.batches import EncodedPosts
from pipeline.training.caches import Caches, open_caches
from pipeline.training.lexicon import Lexicon
from pipeline.training.model import Description, load_network, tag


def evaluate_system(
    model: Path,
    posts: Path,
    images: Path | None,
    caches: Mapping[str, Path],
    predictions: Path,
    metrics: Path,
    details: Path,
    *,
    explanations: Path | None = None,
    dataset: str,
    device: torch.device,
    bar: Mode,
) -> str:
    """Score a trained system on dev and test.

    Args:
        model: folder that the train stage wrote.
        posts: the table of posts.
        images: the table of images, for systems that read what goes with images.
        caches: cache -> folder of its feature store, or its table of image words or phrases.
        predictions: table written: the labels of every dev and test post by every seed.
        metrics: JSON written: the headline, mean and deviation over seeds.
        details: JSON written: by type and by seed.
        explanations: table written: what the first seed looked at in the posts of test; None: it
            is not asked.
        dataset: the corpus's name, so that tables never mix two.
        device: where the network runs.
        bar: how progress is shown.

    Returns:
        One line that says how it went.
    """
    described = Description.read(model)
    opened = open_caches(find_system(described.system).REQUIRES, caches, images)
    described.check_caches(opened, model)
    batch_posts = int(described.params["training"]["batch_posts"])
    lexicon = Lexicon.read(model / "lexicon.json")
    read = [post for post in read_posts(posts) if post.split in SPLITS]
    if not read:
        raise PipelineError(f"{posts}: the splits dev and test have no post")
    found: list[Prediction] = []
    for seed in described.seeds:
        network = load_network(model, seed, lexicon, device)
        found += _predict(network, read, seed, opened, lexicon, batch_posts, device, bar)
    write_predictions(found, predictions, read)
    if explanations is not None:
        seed, test = described.seeds[0], [post for post in read if post.split == "test"]
        network = load_network(model, seed, lexicon, device)
        looked = explain(network, test, seed, opened, lexicon, batch_posts, device)
        write_explanations(looked, explanations)
    headline, tables = score_system(read, found, system=described.system, dataset=dataset)
    write_json(metrics, headline)
    write_json(details, tables)
    strict = headline["test"]["strict"]
    spread = "" if strict["deviation"] is None else f" ± {strict['deviation']}"
    return (
        f"{described.system} on {dataset}: strict F1 of test {strict['f1']}{spread} "
        f"over {headline['seeds']} seeds, of dev {headline['dev']['strict']['f1']}"
    )


def _predict(
    network: System,
    posts: Sequence[Post],
    seed: int,
    caches: Caches,
    lexicon: Lexicon,
    batch_posts: int,
    device: torch.device,
    bar: Mode,
) -> list[Prediction]:
    """One seed's labels of `posts`."""
    encoded = EncodedPosts(posts, lexicon, caches.phrases)
    places = in_order(encoded.lengths(), batch_posts)
    batches = (encoded.batch(held, caches.features) for held in places)
    shown = progress(batches, len(places), "batches", bar, title=f"seed {seed}")
    labels = tag(network, shown, places, lexicon.tags, device)
    return [
        Prediction(post.post, seed, post.split, tuple(predicted))
        for post, predicted in zip(posts, labels, strict=True)
    ]
