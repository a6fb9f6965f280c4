"""A project of a few posts and images, to be spoiled, and its stages' real commands."""

from __future__ import annotations

import importlib
import re
import shutil
from collections.abc import Callable
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner, Result
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
POST = "IMGID:{image}\nBob\tB-PER\nmet\tO\nAda\tB-PER\n"

COMMANDS = {
    "prepare": "--train train.txt --dev dev.txt --test test.txt --posts features/posts.parquet"
    " --metrics features/posts.json",
    "index_images": "--posts features/posts.parquet --folder images"
    " --images features/images.parquet --thumbnails features/thumbnails"
    " --metrics features/images.json",
    "vocab": "--posts features/posts.parquet --vocab features/vocab",
    "vectors": "--source mine --file mine.txt --posts features/posts.parquet"
    " --vocab features/vocab --vectors features/vectors/mine.parquet",
    "phrase_vectors": "--source mine --file mine.txt --phrases features/hashtags.parquet"
    " --vocab features/vocab --vectors features/vectors-of-hashtags.parquet",
    "extract": "--role tags --images features/images.parquet --folder images --store features/tags",
    "tags": "--store features/tags --tags features/tags.parquet",
    "graph": "--triples graph.nt --graph features/graph --metrics features/graph.json",
    "label_index": "--graph features/graph --index features/label_index",
    "index_entity_images": "--graph features/graph --table pictures.tsv --folder images"
    " --images features/entity_images.parquet --thumbnails features/entity_thumbnails"
    " --depictions features/depictions.parquet --metrics features/entity_images.json",
    "mentions": "--posts features/posts.parquet --mentions features/mentions.parquet"
    " --metrics features/mentions.json",
    "knowledge": "--graph-name mine"
    " --posts features/posts.parquet --mentions features/mentions.parquet"
    " --images features/images.parquet --store features/tags --graph features/graph"
    " --label-index features/label_index --depictions features/depictions.parquet"
    " --entity-images features/entity_images.parquet --entity-store features/entity_images"
    " --knowledge features/knowledge.parquet --metrics features/knowledge.json",
    "tag_posts": "--system bilstm_crf --posts features/posts.parquet --vocab features/vocab"
    " --vectors features/vectors/mine.parquet --tagged features/tagged.parquet",
    "train_segmenter": "--posts features/posts.parquet --model models/s",
    "hashtags": "--posts features/posts.parquet --model models/s"
    " --hashtags features/hashtags.parquet",
    "train_captioner": "--captions captions.json --images features/images.parquet"
    " --store features/caption --model models/c",
    "caption": "--store features/caption --model models/c --numbers features/captions.h5"
    " --captions features/captions.parquet",
    "train": "--system bilstm_crf --posts features/posts.parquet --vocab features/vocab"
    " --vectors features/vectors/mine.parquet --model models/m --curves curves/m",
    "evaluate": "--dataset mine --model models/m --posts features/posts.parquet"
    " --predictions predictions/m.parquet --explanations predictions/explanations/m.parquet"
    " --metrics metrics/m.json --details metrics/d.json",
    "leaderboard": "--details metrics/details --table metrics/leaderboard.md",
    "report": "--posts features/posts.parquet --images features/images.parquet"
    " --thumbnails features/thumbnails --tags features/tags.parquet"
    " --captions features/captions.parquet --hashtags features/hashtags.parquet"
    " --knowledge features/knowledge.parquet --graph features/graph"
    " --depictions features/depictions.parquet --entity-images features/entity_images.parquet"
    " --entity-thumbnails features/entity_thumbnails --regions features/regions/store.json"
    " --predictions predictions --details metrics/details --curves curves"
    " --web web --page report/index.html --types report/types --confusion report/confusion",
}


@dataclass(frozen=True)
class Project:
    """A folder with params.yaml, a corpus, and what its stages have written."""

    path: Path

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def params(self, change: Callable[[dict[str, Any]], None]) -> None:
        path = self.path / "params.yaml"
        tree = yaml.safe_load(path.read_text("utf-8"))
        change(tree)
        path.write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")

    def call(self, stage: str, **options: str) -> Result:
        """Run a stage with the options that DVC gives it, some of them replaced.

        Within this process: test_commands.py runs every stage as a command.
        """
        words = COMMANDS[stage].split()
        for option, value in options.items():
            words[words.index(f"--{option}") + 1] = value
        main = importlib.import_module(f"stages.{stage}").main
        with chdir(self.path):
            done = CliRunner().invoke(main, words)
        if not isinstance(done.exception, SystemExit | None):
            raise AssertionError(f"{stage} would print a traceback") from done.exception
        return done

    def passes(self, stage: str, **options: str) -> str:
        """Run a stage that must succeed; its report."""
        done = self.call(stage, **options)
        assert done.exit_code == 0, done.output
        assert done.stdout.strip()
        return done.stdout

    def fails(self, stage: str, **options: str) -> str:
        """Run a stage that must be refused, with a sentence, and write nothing; the sentence."""
        before = self.files()
        done = self.call(stage, **options)
        assert done.exit_code == 1, (done.exit_code, done.output)
        message = sentence(done.stderr)
        assert self.files() == before
        return message

    def files(self) -> dict[str, bytes]:
        found = (path for path in self.path.rglob("*") if path.is_file())
        return {path.relative_to(self.path).as_posix(): path.read_bytes() for path in found}


def sentence(stderr: str) -> str:
    """What a refused stage says, which must be words."""
    assert stderr.startswith("Error: "), stderr
    assert "Traceback" not in stderr
    message = stderr.removeprefix("Error: ").strip()
    assert re.search(r"\w+ \w+", message), message
    return message


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project without a fault, run as far as its vectors. Leave it so."""
    made = Project(tmp_path_factory.mktemp("stages") / "project")
    made.path.mkdir()
    shutil.copy2(ROOT / "params.yaml", made.path)
    source = {"kind": "text", "path": "mine.txt", "package": None, "width": 3}
    made.params(lambda tree: tree["vectors"].update(sources={"mine": source}, default=["mine"]))
    for n, split in enumerate(("train", "dev", "test")):
        made.write(f"{split}.txt", "\n".join(POST.format(image=image) for image in ("a", f"b{n}")))
    random = np.random.default_rng(0)
    (made.path / "images").mkdir()
    for name in ("a", "b0", "b1", "b2"):
        pixels = random.integers(0, 256, (40, 60, 3), np.uint8)
        Image.fromarray(pixels).save(made.path / "images" / f"{name}.jpg")
    made.write("mine.txt", "bob 1 2 3\nada 4 5 6\nmet 7 8 9\n")
    for stage in ("prepare", "index_images", "vocab", "vectors"):
        made.passes(stage)
    return made


@pytest.fixture
def project(sound: Project, tmp_path: Path) -> Project:
    """A copy of a test's own."""
    shutil.copytree(sound.path, tmp_path / "project")
    return Project(tmp_path / "project")
