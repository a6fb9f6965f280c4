"""Hashtag segmentation: how many hashtags each segmenter splits exactly right.

1,000 hashtags are made from the posts of Twitter2015's test split, by joining 2 to 4 words that
stand side by side there: as written, in small letters, and with each word capitalised. The real
ones are 200 of that split, split by hand (`tests/text/hashtags/hashtags.tsv`). The neural segmenter
is trained on train and dev selects its epoch; no made hashtag is a stretch of a train post.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np

from benchmarks.corpus import PARAMS, TYPES
from pipeline.corpus.posts import read_posts
from pipeline.corpus.prepare import prepare
from pipeline.errors import PipelineError
from pipeline.params.block import read
from pipeline.params.prepare import Prepare
from pipeline.params.runtime import Runtime
from pipeline.params.segmenter import SegmenterParams
from pipeline.text.hashtags.border_phrases import in_form, stretches
from pipeline.text.hashtags.neural import read_segmenter
from pipeline.text.hashtags.rules import CamelCase, WordSegment
from pipeline.text.hashtags.segmenter import Segmenter, exactly_right, segment
from pipeline.text.hashtags.train import train_segmenter

DATA = Path("../shared/data")
LABELLED = Path("tests/text/hashtags/hashtags.tsv")
MADE = 1000
FORMS = ("written", "small", "camel")
SPLITS = ("train", "dev", "test")
LONGEST = 100


@click.command()
@click.option("--data", type=click.Path(path_type=Path), default=DATA, show_default=True)
@click.option("--phrases", type=int, default=60_000, show_default=True, help="to train on")
@click.option("--epochs", type=int, default=2, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="of the choice of hashtags")
def main(data: Path, phrases: int, epochs: int, seed: int) -> dict[str, object]:
    """Print the share of hashtags split exactly right, by segmenter and kind of hashtag."""
    files = {split: data / "twitter2015" / f"{split}.txt" for split in SPLITS}
    if not files["test"].exists():
        raise PipelineError(f"{files['test']}: needs Twitter2015 there")
    block = read(PARAMS, "segmenter", SegmenterParams)
    training = block.training.model_copy(update={"max_epochs": epochs})
    params = block.model_copy(update={"phrases": phrases, "training": training})
    runtime = read(PARAMS, "runtime", Runtime).model_copy(update={"progress": "none"})
    with tempfile.TemporaryDirectory() as folder:
        posts, model = Path(folder) / "posts.parquet", Path(folder) / "segmenter"
        prepare(
            files,
            posts,
            Path(folder) / "posts.json",
            Prepare(entity_types=TYPES, rename={}, untyped=False),
        )
        train_segmenter(params, runtime, posts, model, click.echo)
        segmenters: dict[str, Segmenter] = {
            "neural": read_segmenter(model),
            "wordsegment": WordSegment(),
            "camel": CamelCase(),
        }
        kinds = made(posts, seed)
    kinds["real"] = labelled(LABELLED)
    table = {
        name: {kind: score(segmenter, phrases) for kind, phrases in kinds.items()}
        for name, segmenter in segmenters.items()
    }
    for row in table.values():
        row["made"] = round(sum(row[form] for form in FORMS) / len(FORMS), 1)
    columns = ["made", *FORMS, "real"]
    click.echo(f"| segmenter | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
    for name, row in table.items():
        click.echo(f"| `{name}` | {' | '.join(f'{row[column]:.1f}' for column in columns)} |")
    return {"exactly_right": table}


def made(posts: Path, seed: int) -> dict[str, list[tuple[str, ...]]]:
    """Form -> the words of 1,000 hashtags made from the test posts, unseen in training."""
    read = read_posts(posts)
    by_split = {split: [post for post in read if post.split == split] for split in SPLITS}
    random = np.random.default_rng(seed)
    everything = len(read) * 1000
    seen = {
        tuple(word.lower() for word in phrase)
        for split in ("train", "dev")
        for phrase in stretches(by_split[split], everything, random)
    }
    fresh = (
        phrase
        for phrase in stretches(by_split["test"], everything, random, fewest=2)
        if tuple(word.lower() for word in phrase) not in seen
    )
    chosen = [phrase for phrase, _ in zip(fresh, range(MADE), strict=False)]
    return {form: [tuple(in_form(word, form) for word in p) for p in chosen] for form in FORMS}


def labelled(path: Path) -> list[tuple[str, ...]]:
    """The words of hashtags split by hand: a table of hashtag and words."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [tuple(row["words"].split(" ")) for row in rows]


def score(segmenter: Segmenter, phrases: Sequence[tuple[str, ...]]) -> float:
    """The percentage of hashtags made of these words that are split into these words again."""
    tags = ["#" + "".join(phrase) for phrase in phrases]
    found = {one.token: one.words for one in segment(tags, segmenter, LONGEST)}
    return round(exactly_right([found[tag] for tag in tags], phrases), 1)


if __name__ == "__main__":
    main()
