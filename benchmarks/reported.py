"""A project's caches and predictions made by chance, in the form of the real ones, for the report.

Eight systems spoil the gold by their own shares of errors; pictures are parts of the sample's
photographs, so that their thumbnails have the bytes of thumbnails.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from PIL import Image as Pixels

from pipeline.corpus.images import OK, Image, bad, write_images
from pipeline.corpus.posts import Post, write_posts
from pipeline.corpus.thumbnails import write_thumbnail
from pipeline.evaluation.explanations import tabulate, write_explanations
from pipeline.evaluation.predictions import Prediction, write_predictions
from pipeline.evaluation.scoring import score_system
from pipeline.files import write_json
from pipeline.fingerprint import Fingerprint, Output
from pipeline.fit.loop import Epoch
from pipeline.knowledge.graph.graph import ENTITIES, RELATIONS, SCHEMAS
from pipeline.knowledge.lookup import depictions
from pipeline.metrics.spans import strict_spans
from pipeline.report.files import ReportFiles
from pipeline.tables.image_words import write_image_words
from pipeline.tables.parquet import write_table
from pipeline.tables.phrases import plain, write_phrases
from pipeline.training.curves import Curves
from pipeline.training.setting import Setting

ROOT = Path(__file__).resolve().parents[1]
PHOTOGRAPHS, WEB = ROOT / "samples/images", ROOT / "pipeline/report/web"
REGIONS = 49
MODALITIES = {"modality_weights": ("words", "characters", "image")}
# System -> kind -> values a token; 0 stands for one a token of the post.
SYSTEMS: Mapping[str, Mapping[str, int]] = {
    "adaptive_coattention": {
        "region_weights": REGIONS,
        "word_weights": 0,
        "fusion_gate": 200,
        "filtration_gate": 1,
    },
    "attributes_knowledge": {"region_weights": REGIONS, "word_weights": 0, "context_gate": 1},
    "bilstm_crf": {},
    "cnn_bilstm_crf": {},
    "cwi": {},
    "cwi_attention": {"word_weights": 0},
    "modality_attention": {"modality_weights": 3},
    "trimod": {"modality_weights": 3},
}
SETTING = Setting("by chance", "none", {}, {})
PREPROCESSING = "shorter side 256 bicubic, centre 224, RGB / 255, mean 0, std 1"


def files_in(root: Path) -> ReportFiles:
    """Where the files of a report lie in a folder of a project's form."""
    features = root / "features"
    return ReportFiles(
        posts=features / "posts.parquet",
        images=features / "images.parquet",
        thumbnails=features / "thumbnails",
        tags=features / "tags.parquet",
        captions=features / "captions.parquet",
        hashtags=features / "hashtags.parquet",
        knowledge=features / "knowledge.parquet",
        graph=features / "graph",
        depictions=features / "depictions.parquet",
        entity_images=features / "entity_images.parquet",
        entity_thumbnails=features / "entity_thumbnails",
        regions=features / "regions" / "store.json",
        predictions=root / "predictions",
        details=root / "metrics" / "details",
        curves=root / "curves",
        web=WEB,
        page=root / "report" / "index.html",
        types=root / "report" / "plots" / "types",
        confusion=root / "report" / "plots" / "confusion",
    )


@dataclass(frozen=True)
class Project:
    """What a report is made from; its first word of each post is what knowledge speaks of."""

    files: ReportFiles
    posts: Sequence[Post]
    rng: np.random.Generator

    def write(self, seeds: Sequence[int]) -> None:
        """Write all caches, and predictions of all systems by these seeds."""
        write_posts(self.posts, self.files.posts)
        keys = self._write_pictures()
        self._write_words(keys)
        self._write_knowledge()
        for place, name in enumerate(SYSTEMS):
            self._write_system(name, 0.15 + 0.05 * place, seeds)

    def _write_pictures(self) -> list[str]:
        """The table of images, with a picture for each id but the last; their keys."""
        test = [post for post in self.posts if post.split == "test"]
        ids = sorted({post.image for post in test if post.image is not None})
        rows = [self._picture(image, self.files.thumbnails) for image in ids[:-1]]
        others = {post.image for post in self.posts if post.image is not None}.difference(ids[:-1])
        missing = [bad(image, None, "missing", "there is no such file") for image in others]
        write_images([*rows, *missing], self.files.images)
        entity = self._picture("entity.jpg", self.files.entity_thumbnails)
        write_images([entity], self.files.entity_images)
        write_json(self.files.regions, {"fingerprint": {"preprocessing": PREPROCESSING}})
        return sorted(row.sha256 for row in rows if row.sha256)

    def _picture(self, image: str, thumbnails: Path) -> Image:
        """A part of one of the photographs, with a thumbnail of it."""
        photographs = sorted(PHOTOGRAPHS.glob("*.jpg"))
        with Pixels.open(photographs[self.rng.integers(len(photographs))]) as whole:
            left, top = (int(self.rng.integers(side - side // 2)) for side in whole.size)
            part = whole.convert("RGB").crop(
                (left, top, left + whole.width // 2, top + whole.height // 2)
            )
        sha256 = hashlib.sha256(image.encode()).hexdigest()
        thumbnails.mkdir(parents=True, exist_ok=True)
        write_thumbnail(part.resize((256, 192)), sha256, thumbnails)
        return Image(image, f"{image}.jpg", sha256, part.width, part.height, OK, "")

    def _write_words(self, keys: Sequence[str]) -> None:
        """Tags and captions of the pictures, and the words of the hashtags."""
        names = [f"thing {place}" for place in range(1000)]
        classes = self.rng.integers(len(names), size=(len(keys), 5)).tolist()
        shares = np.sort(self.rng.random((len(keys), 5)), 1)[:, ::-1].astype(np.float32)
        logits = {"logits": Output((len(names),), "float32")}
        fingerprint = Fingerprint("none", 1, "0" * 64, "none", "none", "float32", logits)
        write_image_words(self.files.tags, keys, classes, shares.tolist(), names, fingerprint)
        captions = [f"a picture of {names[row[0]]}" for row in classes]
        phrases = [(key, plain(text.split())) for key, text in zip(keys, captions, strict=True)]
        write_phrases(self.files.captions, "image", "0", phrases, {"caption": pa.array(captions)})
        tokens = {token for post in self.posts for token in post.tokens}
        hashtags = sorted(token for token in tokens if token.startswith("#") and len(token) > 1)
        split = [(token, plain(["hash", token[1:]])) for token in hashtags]
        write_phrases(self.files.hashtags, "token", "0", split)

    def _write_knowledge(self) -> None:
        """Every other post has some, one hop away from its first word."""
        relation, one, other = "http://x/knows", "http://x/One_thing", "http://x/Other_thing"
        tables = {
            ENTITIES: [[one, other], ["One thing", None], [[], []], [1, 1]],
            RELATIONS: [[relation], ["knows"]],
        }
        for name, columns in tables.items():
            write_table(pa.table(columns, SCHEMAS[name]), self.files.graph / name)
        shown = pa.table([[other], ["entity.jpg"]], depictions.SCHEMA)
        write_table(shown, self.files.depictions)
        found = [place % 2 == 0 for place in range(len(self.posts))]
        triple = {"subject": "other thing", "relation": "isA", "object": "kind of thing"}
        path = [one, relation, other]
        values: dict[str, list[object]] = {
            "mention": [post.tokens[0] for post in self.posts],
            "candidate": [one] * len(found),
            "entity": [other] * len(found),
            "path": [path] * len(found),
            "hop": [1] * len(found),
            "similarity": [0.93] * len(found),
            "triples": [[triple]] * len(found),
        }
        columns = {
            name: [value if there else None for value, there in zip(column, found, strict=True)]
            for name, column in values.items()
        }
        columns["reason"] = ["" if there else "no mention" for there in found]
        phrases = [
            (post.post, plain(["kind", "of", "thing"] if there else []))
            for post, there in zip(self.posts, found, strict=True)
        ]
        further = {name: pa.array(column) for name, column in columns.items()}
        write_phrases(self.files.knowledge, "post", "0", phrases, further)

    def _write_system(self, name: str, errors: float, seeds: Sequence[int]) -> None:
        files, scored = self.files, [post for post in self.posts if post.split != "train"]
        predictions = [
            Prediction(post.post, seed, post.split, self._spoiled(post, errors))
            for seed in seeds
            for post in scored
        ]
        path = files.predictions / f"{name}.parquet"
        write_predictions(predictions, path, self.posts, SETTING)
        pictures = {post.image for post in scored if post.image is not None}
        _, details = score_system(
            self.posts,
            predictions,
            system=name,
            dataset="by chance",
            setting=SETTING,
            pictures=pictures,
        )
        write_json(files.details / f"{name}.json", details)
        tables = [self._looked(name, post, seeds[0]) for post in scored if post.split == "test"]
        names = MODALITIES if "modality_weights" in SYSTEMS[name] else {}
        write_explanations(tables, files.predictions / "explanations" / path.name, names)
        for seed in seeds:
            curves = Curves(files.curves / name / f"seed-{seed}")
            for epoch in range(1, 9):
                curves.log(Epoch(epoch, 9.0 / epoch, 80 - 60 / epoch - seed, 1.0))

    def _looked(self, name: str, post: Post, seed: int) -> pa.Table:
        """Weights and gates by chance; nothing of a picture where there is none."""
        looked: dict[str, npt.NDArray[np.float32]] = {}
        for kind, width in SYSTEMS[name].items():
            if kind != "region_weights" or post.image is not None:
                shape = (1, len(post.tokens), width or len(post.tokens))
                values = self.rng.random(shape) ** 4
                total = values.sum(-1, keepdims=True) if kind.endswith("_weights") else 1.0
                looked[kind] = (values / total).astype(np.float32)
        return tabulate([post], seed, looked)

    def _spoiled(self, post: Post, errors: float) -> tuple[str, ...]:
        """The gold, of which a share of entities is missed or of another type."""
        labels = ["O"] * len(post.labels)
        types = ("LOC", "ORG", "OTHER", "PER")
        for span in strict_spans(post.labels):
            fate = self.rng.random()
            if fate > errors / 2:
                of = span.type if fate > errors else types[self.rng.integers(len(types))]
                inside = [f"I-{of}"] * (span.end - span.start - 1)
                labels[span.start : span.end] = [f"B-{of}", *inside]
        return tuple(labels)
