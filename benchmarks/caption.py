"""The captioner: how often it names the subject, and how much faster many images at once are.

Each photograph of the ImageNet sample is cut four times for training and once more, elsewhere, for
the test; its caption says its class. A caption of a test crop is right if it holds
the words of the right class, side by side. The sample corpus's own captions are learnt too:
`subjects` is the share of its pictures whose caption names what all of their captions name. The
speed is that of the beam search of all test crops in batches against the same one by one.
"""

from __future__ import annotations

import csv
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import click
import torch
from PIL import Image

from benchmarks.corpus import PARAMS, SPLITS, Corpus
from benchmarks.crops import write_crop
from pipeline.captions.captioner import GRID, read_captioner
from pipeline.captions.corpus import words_of
from pipeline.captions.train import Files, train_captioner
from pipeline.corpus.images import read_images, usable
from pipeline.device import find_device
from pipeline.errors import PipelineError
from pipeline.params.block import read
from pipeline.params.caption import Caption
from pipeline.params.captioner import CaptionerParams
from pipeline.params.runtime import Runtime
from pipeline.store.reader import Reader

DATA = Path("../shared/data/imagenet-sample")
SAMPLE = Path("samples")
CORNERS = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)]
MIDDLE = (0.5, 0.5)
CAPTION = "a photo of a {}"
BATCH = 64


@click.command()
@click.option("--data", type=click.Path(path_type=Path), default=DATA, show_default=True)
@click.option("--epochs", type=int, default=12, show_default=True)
@click.option("--repeats", type=int, default=3, show_default=True, help="of each timing")
def main(data: Path, epochs: int, repeats: int) -> dict[str, object]:
    """Train on four crops of each photograph, caption a fifth; time the search."""
    if not (data / "labels.tsv").exists():
        raise PipelineError(f"{data}: needs the ImageNet sample there (labels.tsv and its JPEGs)")
    with tempfile.TemporaryDirectory() as folder:
        subjects = _subjects(Path(folder) / "sample")
        root = Path(folder) / "imagenet"
        (root / "images").mkdir(parents=True)
        names = _classes(data, root)
        corpus = _corpus(root, root / "images", list(names))
        finder = _Finder(corpus, root / "captions.json", epochs, "images")
        keys = usable(read_images(corpus.images()))
        tests = {keys[image]: name for image, name in names.items()}
        found = finder.captions(list(tests), BATCH)
        right = sum(f" {name} " in f" {found[key]} " for key, name in tests.items())
        finder.captions(list(tests)[:BATCH], BATCH)  # warm
        many, one = (
            min(finder.seconds(list(tests), batch) for _ in range(repeats)) for batch in (BATCH, 1)
        )
    click.echo(f"{len(tests)} images: {one:.2f} s one by one, {many:.2f} s in batches of {BATCH}")
    return {
        "beam_speedup": round(one / many, 2),
        "right_class": round(right / len(tests), 4),
        "subjects": round(subjects, 4),
    }


class _Finder:
    """A captioner trained on a corpus's cached regions, and its captions."""

    def __init__(self, corpus: Corpus, captions: Path, epochs: int | None, held_out: str) -> None:
        params = read(PARAMS, "captioner", CaptionerParams)
        training = params.training
        if epochs is not None:
            changed = {"max_epochs": epochs, "patience": epochs, "batch_posts": 64}
            training = training.model_copy(update=changed)
        share = params.dev_share if held_out == "captions" else 0.05
        settings = {"training": training, "held_out": held_out, "dev_share": share}
        runtime = read(PARAMS, "runtime", Runtime).model_copy(update={"progress": "none"})
        model = corpus.folder / "captioner"
        files = Files(captions, corpus.images(), corpus.store("caption"), model)
        train_captioner(params.model_copy(update=settings), runtime, files, click.echo)
        self._captioner, _ = read_captioner(model, find_device(runtime.device))
        self._reader = Reader(files.store)
        self._search = read(PARAMS, "caption", Caption)

    def captions(self, keys: list[str], batch: int) -> dict[str, str]:
        """The caption of each image, `batch` of them at a time."""
        found: dict[str, str] = {}
        for start in range(0, len(keys), batch):
            part = keys[start : start + batch]
            best = self._captioner.find(
                self._reader.rows(GRID, part),
                width=self._search.beam_width,
                max_words=self._search.max_words,
                power=self._search.length_power,
            )
            words = self._captioner.words(best)
            found |= {key: " ".join(one) for key, one in zip(part, words, strict=True)}
        return found

    def seconds(self, keys: list[str], batch: int) -> float:
        """How long that takes."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        started = time.perf_counter()
        self.captions(keys, batch)
        return time.perf_counter() - started


def _classes(data: Path, root: Path) -> dict[str, str]:
    """Write crops and captions; image id of each test crop -> the words of its class."""
    images, annotations, tests = [], [], {}
    with (data / "labels.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            name = " ".join(words_of(row["name"].replace("_", " ")))
            stem = Path(row["file"]).stem
            with Image.open(data / row["file"]) as opened:
                photograph = opened.convert("RGB")
            for at, corner in enumerate([*CORNERS, MIDDLE]):
                crop = f"{stem}-{at}.jpg"
                write_crop(photograph, *corner, root / "images" / crop)
                if corner == MIDDLE:
                    tests[Path(crop).stem] = name
                    continue
                images.append({"id": crop, "file_name": crop})
                annotations.append({"image_id": crop, "caption": CAPTION.format(name)})
    tree = {"images": images, "annotations": annotations}
    (root / "captions.json").write_text(json.dumps(tree), encoding="utf-8")
    return tests


def _subjects(folder: Path) -> float:
    """The share of the sample's pictures whose new caption has a word of most of their captions."""
    folder.mkdir()
    tree = json.loads((SAMPLE / "captions.json").read_text(encoding="utf-8"))
    names = {image["id"]: Path(image["file_name"]).stem for image in tree["images"]}
    corpus = _corpus(folder, SAMPLE / "images", list(names.values()))
    keys = usable(read_images(corpus.images()))
    captions: dict[str, list[str]] = defaultdict(list)
    for one in tree["annotations"]:
        captions[keys[names[one["image_id"]]]].append(one["caption"])
    found = _Finder(corpus, SAMPLE / "captions.json", None, "captions").captions(
        list(captions), BATCH
    )
    return sum(_subject(captions, key) in found[key].split() for key in captions) / len(captions)


def _subject(captions: Mapping[str, list[str]], image: str) -> str:
    """The word that most captions of an image hold, and fewest of the others."""
    own = [set(words_of(caption)) for caption in captions[image]]
    others = [set(words_of(c)) for key, each in captions.items() if key != image for c in each]

    def worth(word: str) -> tuple[float, str]:
        inside = sum(word in words for words in own) / len(own)
        return inside - sum(word in words for words in others) / len(others), word

    return max(set.union(*own), key=worth)


def _corpus(folder: Path, images: Path, ids: list[str]) -> Corpus:
    """A corpus whose posts say nothing: only its images are looked at."""
    files = {}
    for split in SPLITS:
        files[split] = folder / f"{split}.txt"
        lines = [f"IMGID:{image}\nx\tO\n" for image in (ids if split == "train" else ids[:1])]
        files[split].write_text("\n".join(lines), encoding="utf-8")
    return Corpus(folder, files, images)
