"""Eight pictures that show eight things: their features, their captions, and the two stages."""

import json
from pathlib import Path

import torch

from pipeline.captions.caption import Files, Report, caption
from pipeline.captions.train import Files as TrainFiles
from pipeline.captions.train import train_captioner
from pipeline.corpus.images import Image, bad, write_images
from pipeline.params.caption import Caption
from pipeline.params.captioner import CaptionerParams
from tests.blocks import OPTIMIZATION, quiet
from tests.training.tiny import grid_of, key_of, write_store

CPU = torch.device("cpu")
NAMES = [f"img{n}" for n in range(8)]
SUBJECTS = ["cat", "dog", "boat", "tower", "cup", "tree", "car", "bird"]
IMAGES = [
    *(Image(name, f"set/{name}.jpg", key_of(name), 4, 4, "ok", "") for name in NAMES),
    bad("gone", None, "missing", "no such file"),
]
PARAMS = CaptionerParams.model_validate(
    {
        "seed": 1,
        "held_out": "captions",
        "dev_share": 1.0,
        "max_words": 30,
        "min_count": 1,
        "beam_width": 1,
        "model": {"width": 16, "word_width": 8, "hidden": 32, "attention_width": 8, "dropout": 0},
        "training": OPTIMIZATION
        | {"learning_rate": 0.02, "batch_posts": 8, "max_epochs": 25, "patience": 25},
    }
)


def coco(path: Path, captions: list[tuple[str, str]]) -> Path:
    files = sorted({name for name, _ in captions})
    tree = {
        "info": {"year": 2026},
        "images": [{"id": n, "file_name": file, "height": 4} for n, file in enumerate(files)],
        "annotations": [
            {"id": n, "image_id": files.index(name), "caption": text}
            for n, (name, text) in enumerate(captions)
        ],
    }
    path.write_text(json.dumps(tree), encoding="utf-8")
    return path


def tokens(path: Path, captions: list[tuple[str, str]]) -> Path:
    lines = [f"{name}#{n}\t{text}" for n, (name, text) in enumerate(captions)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


class World:
    def __init__(self, root: Path, names: list[str] = NAMES, version: int = 1) -> None:
        self.root = root
        self.images, self.store = root / "images.parquet", root / "caption"
        self.lines: list[str] = []
        write_images(IMAGES, self.images)
        write_store(self.store, "grid", {name: grid_of(name) for name in names}, version)
        given = [
            (f"{name}.jpg", text.format(subject))
            for name, subject in zip(NAMES, SUBJECTS, strict=True)
            for text in ("a {} there", "there is a {}", "a {} there")
        ]
        self.captions = coco(root / "captions.json", given)

    def train(self, model: Path) -> None:
        files = TrainFiles(self.captions, self.images, self.store, model)
        train_captioner(PARAMS, quiet(), files, self.lines.append)

    def caption(self, model: Path, name: str, width: int = 3, batch: int = 3) -> Report:
        out = self.root / name
        params = Caption(beam_width=width, length_power=0.7, max_words=6)
        files = Files(self.store, model, out.with_suffix(".h5"), out.with_suffix(".parquet"))
        return caption(params, quiet(batch=batch), files)
