"""Planted signal: a system must read an entity's type off the picture, since no word tells it.

The names are made-up syllables, drawn anew for each post, and the sentences are the same for all
types: text shows where an entity stands, but not its type. The picture tells the type: mammals go
with PER, other animals with ORG, things with OTHER. The photographs are real, as many of each kind;
train sees two crops of each, dev a third and test a fourth, so that no picture of test was trained
on, yet each shows something that was. A system is trained and scored twice, with the pictures and
with every picture masked.

So for each table of phrases that a system reads (`--signal knowledge`): the type then stands in the
words of that table alone. All pictures are one grey square, all other tables have words of any
type, and the second run has a table without words.
"""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

import click
import numpy as np
from PIL import Image

from benchmarks.corpus import PARAMS, Corpus, system_params
from benchmarks.crops import write_crop
from benchmarks.phrases import HASHTAG, grey_picture, keyed_by, plant
from pipeline.corpus.images import read_images
from pipeline.corpus.posts import read_posts
from pipeline.errors import PipelineError
from pipeline.params.block import nearest, read
from pipeline.params.vectors import Vectors
from pipeline.systems.system import System, SystemParams, find_system

DATA = Path("../shared/data/imagenet-sample")
IMAGE = "image"  # the signal that is no table of phrases
KINDS = ("ORG", "OTHER", "PER")
POSTS = {"train": 600, "dev": 150, "test": 300}
CROPS = {  # split -> corners (x, y) of the crops of each photograph, in shares of what is cut off
    "train": [(0.0, 0.0), (1.0, 1.0)],
    "dev": [(1.0, 0.0)],
    "test": [(0.0, 1.0)],
}
SENTENCES = [
    "look at {} today , so good",
    "RT @friend : {} again !",
    "I can not believe this is {}",
    "with {} this morning",
    "{} , what a day",
    "who else loves {} ? #picoftheday",
]
SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "ar", "en", "ol")]


@click.command()
@click.option("--system", required=True)
@click.option("--signal", "signals", multiple=True, help="image, knowledge, ...; default: all")
@click.option("--data", type=click.Path(path_type=Path), default=DATA, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="of the corpus and the system")
@click.option("--context", help="contextual words, a file of conf/context, in place of params.yaml")
@click.option("--set", "settings", multiple=True, help="e.g. model.attention=interactive")
def main(
    system: str,
    signals: tuple[str, ...],
    data: Path,
    seed: int,
    context: str | None,
    settings: tuple[str, ...],
) -> dict[str, object]:
    """Train SYSTEM on planted posts with and without what tells the types."""
    reader = find_system(system)
    params = system_params(reader, ["glove50"], settings, context=context)
    readable = readable_signals(reader)
    if not readable:
        raise PipelineError(f"{system} reads text alone: there is no cache to plant a signal in")
    for signal in signals:
        if signal not in readable:
            hint = nearest(signal, readable)
            raise PipelineError(f"{system} reads no {signal!r}{hint}; it reads {readable}")
    found = {}
    for signal in signals or readable:
        told, masked = (
            _score(reader, params, signal, data, seed, shown) for shown in (True, False)
        )
        found[signal] = {"with": told, "masked": masked, "gain": round(told - masked, 2)}
    result: dict[str, object] = {"system": system, "context": params.context.store}
    if IMAGE in found:
        result["with_images"] = found[IMAGE]["with"]
        result |= {key: found[IMAGE][key] for key in ("masked", "gain")}
    return result | {"signals": found}


def _score(
    system: type[System], params: SystemParams, signal: str, data: Path, seed: int, shown: bool
) -> float:
    """Strict F1 of test of a system trained on a planted corpus."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = _make(Path(folder) / "corpus", data, seed, shown, signal, system)
        source = read(PARAMS, "vectors", Vectors).sources["glove50"]
        vectors = {"glove50": corpus.vectors(source)}
        return corpus.score(system, params, [seed], vectors)["test"]["strict"]["f1"]


def readable_signals(system: type[System]) -> list[str]:
    """What may tell a type to a system: `image`, and the tables of phrases that it reads."""
    phrases = system.phrase_tables()
    return ([IMAGE] if len(phrases) < len(system.reads) else []) + phrases


def _make(
    folder: Path, data: Path, seed: int, shown: bool, signal: str, system: type[System]
) -> Corpus:
    """Write planted posts whose types `signal` tells, with the phrases that the system reads.

    When not `shown`, each post names a picture that does not exist, or the table has no word.
    """
    random = np.random.default_rng(seed)
    phrases = [name for name in readable_signals(system) if name != IMAGE]
    tagged = any(keyed_by(cache) == "token" for cache in phrases)
    pictures = folder / "images"
    pictures.mkdir(parents=True)
    shelves = _crops(_photographs(data, random), pictures) if signal == IMAGE else {}
    files = {}
    for split, count in POSTS.items():
        lines = []
        for number in range(count):
            kind = KINDS[random.integers(len(KINDS))]
            if signal == IMAGE:
                image = str(random.choice(shelves[kind][split]))
            else:
                image = grey_picture(pictures, f"{split}-{number}")
            lines += [f"IMGID:{image if shown or signal != IMAGE else f'masked-{image}'}"]
            lines += [f"{token}\t{label}" for token, label in _post(kind, tagged, random)]
            lines += [""]
        files[split] = folder / f"{split}.txt"
        files[split].write_text("\n".join(lines), encoding="utf-8")
    corpus = Corpus(folder, files, pictures)
    if not phrases:
        return corpus
    posts, images = read_posts(corpus.posts), read_images(corpus.images())
    for cache in phrases:
        corpus.phrases[cache] = folder / f"{cache}.parquet"
        telling = cache == signal
        masked = telling and not shown
        plant(corpus.phrases[cache], cache, posts, images, telling, masked, random)
    return corpus


def _photographs(data: Path, random: np.random.Generator) -> dict[str, list[Path]]:
    """Type -> its photographs, as many for each."""
    if not (data / "labels.tsv").exists():
        raise PipelineError(f"{data}: needs the ImageNet sample there (labels.tsv and its JPEGs)")
    by_type: dict[str, list[Path]] = {"PER": [], "ORG": [], "OTHER": []}
    with (data / "labels.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            by_type[_type(int(row["class_index"]))].append(data / row["file"])
    fewest = min(len(photographs) for photographs in by_type.values())
    return {
        kind: [photographs[at] for at in random.permutation(len(photographs))[:fewest]]
        for kind, photographs in by_type.items()
    }


def _crops(photographs: dict[str, list[Path]], folder: Path) -> dict[str, dict[str, list[str]]]:
    """Write the crops of each photograph into `folder`: type -> split -> image ids."""
    shelves: dict[str, dict[str, list[str]]] = {}
    for kind, paths in photographs.items():
        shelves[kind] = {split: [] for split in CROPS}
        for path in paths:
            with Image.open(path) as opened:
                photograph = opened.convert("RGB")
            for split, corners in CROPS.items():
                for at, (x, y) in enumerate(corners):
                    name = f"{path.stem}-{split}{at}"
                    write_crop(photograph, x, y, folder / f"{name}.jpg")
                    shelves[kind][split].append(name)
    return shelves


def _type(class_index: int) -> str:
    """The type that goes with an ImageNet class, by the blocks in which ImageNet orders them."""
    if class_index >= 398:
        return "OTHER"  # artefacts, food, scenes
    mammals = range(147, 300), range(330, 389)
    return "PER" if any(class_index in block for block in mammals) else "ORG"


def _post(kind: str, tagged: bool, random: np.random.Generator) -> list[tuple[str, str]]:
    """Tokens and labels of one post about a made-up name of one or two words.

    It ends with a made-up hashtag where posts are to be `tagged`.
    """
    name = [
        "".join(random.choice(SYLLABLES, size=random.integers(2, 4))).capitalize()
        for _ in range(random.integers(1, 3))
    ]
    labels = [f"B-{kind}", *([f"I-{kind}"] * (len(name) - 1))]
    rows: list[tuple[str, str]] = []
    for token in SENTENCES[random.integers(len(SENTENCES))].split():
        rows += zip(name, labels, strict=True) if token == "{}" else [(token, "O")]
    if tagged:
        rows.append((HASHTAG + "".join(random.choice(SYLLABLES, size=4)), "O"))
    return rows
