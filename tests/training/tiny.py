"""A tiny corpus with its caches, made through the library, as the stages would."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.corpus.images import Image, bad, write_images
from pipeline.corpus.posts import Post, read_posts, write_posts
from pipeline.fingerprint import Fingerprint, Output
from pipeline.params.vectors import Vectors
from pipeline.params.vocab import Vocab
from pipeline.store.store import Store
from pipeline.tables.image_words import write_image_words
from pipeline.tables.phrases import NONE, WeightedWords, plain, write_phrases
from pipeline.text.vectors.phrases import build_phrase_vectors
from pipeline.text.vectors.words import build_vectors
from pipeline.text.vocab import build_vocab
from tests.blocks import of_project, text_source

GRID = (4, 6)
TYPES = ["LOC", "PER"]
NAMES = [f"class {n}" for n in range(9)]  # that image words are out of
FACTS = {
    "captions": {"backbone": "tiny"},
    "hashtags": {"segmenter": "camel"},
    "knowledge": {"backbone": "tiny", "graph": "sample", "mentions": "gold"},
}
TOP = 3  # image words of each image


@dataclass(frozen=True)
class Workspace:
    """Paths of a tiny corpus's caches."""

    root: Path

    @property
    def posts(self) -> Path:
        return self.root / "posts.parquet"

    @property
    def images(self) -> Path:
        return self.root / "images.parquet"

    @property
    def vocab(self) -> Path:
        return self.root / "vocab"

    @property
    def vectors(self) -> Path:
        return self.root / "tiny.parquet"

    @property
    def regions(self) -> Path:
        return self.root / "regions"

    @property
    def tags(self) -> Path:
        return self.root / "tags"

    @property
    def image_words(self) -> Path:
        return self.root / "tags.parquet"

    @property
    def attributes(self) -> Path:
        return self.image_words

    @property
    def captions(self) -> Path:
        return self.root / "captions.parquet"

    @property
    def hashtags(self) -> Path:
        return self.root / "hashtags.parquet"

    @property
    def knowledge(self) -> Path:
        return self.root / "knowledge.parquet"


def key_of(image: str) -> str:
    return hashlib.sha256(image.encode()).hexdigest()


def grid_of(image: str) -> np.ndarray:
    seed = int(key_of(image)[:8], 16)
    return np.random.default_rng(seed).normal(size=GRID).astype(np.float16)


def pooled_of(image: str) -> np.ndarray:
    return grid_of(image).mean(0).astype(np.float32)


def classes_of(image: str) -> list[int]:
    seed = int(key_of(image)[:8], 16)
    drawn: list[int] = np.random.default_rng(seed).permutation(len(NAMES))[:TOP].tolist()
    return drawn


def fingerprint_of(output: str, like: np.ndarray, version: int) -> Fingerprint:
    outputs = {output: Output(like.shape, str(like.dtype))}
    return Fingerprint("tiny", version, "0" * 64, "none", "none", "float32", outputs)


def write_store(directory: Path, output: str, rows: dict[str, np.ndarray], version: int) -> None:
    fingerprint = fingerprint_of(output, next(iter(rows.values())), version)
    by_key = {key_of(image): row for image, row in rows.items()}
    with Store(directory, fingerprint) as store:
        for key in store.missing(by_key):
            store.add([key], {output: by_key[key][None]})
        store.finish()


def write_caches(made: Workspace, images: list[str], version: int = 1) -> None:
    """What is cached of `images`, and the tables of phrases, by networks of this version."""
    write_store(made.regions, "grid", {image: grid_of(image) for image in images}, version)
    write_store(made.tags, "pooled", {image: pooled_of(image) for image in images}, version)
    by_key = {key_of(image): classes_of(image) for image in images}
    write_image_words(
        made.image_words,
        sorted(by_key),
        [by_key[key] for key in sorted(by_key)],
        [[0.5, 0.25, 0.125]] * len(by_key),
        NAMES,
        fingerprint_of("pooled", pooled_of("any"), version),
    )
    captions = [(key_of(image), plain(["a", "Lima", f"thing{image[3:]}"])) for image in images]
    write_phrases(made.captions, "image", f"captions {version}", captions, None, FACTS["captions"])
    surprise = [("!", plain(["surprise"]))]
    write_phrases(made.hashtags, "token", f"hashtags {version}", surprise, None, FACTS["hashtags"])
    facts = [
        (post.post, WeightedWords(("CITY",), (0.5,)) if "Rome" in post.tokens else NONE)
        for post in read_posts(made.posts)
    ]
    write_phrases(made.knowledge, "post", f"knowledge {version}", facts, None, FACTS["knowledge"])


def phrase_vectors(made: Workspace, cache: str) -> Path:
    """Vectors of the words of a table of phrases, out of a source of four words."""
    source = made.root / "more.txt"
    rows = {"city": "1 0 0 0 0", "lima": "0 1 0 0 0", "surprise": "0 0 1 0 0", "class": "0 0 0 1 0"}
    source.write_text("".join(f"{word} {row}\n" for word, row in rows.items()))
    out, table = made.root / f"{cache}-vectors.parquet", getattr(made, cache)
    build_phrase_vectors(
        of_project("vectors", Vectors), text_source(source, 5), table, made.vocab, out
    )
    return out


def make_posts() -> list[Post]:
    names = {"PER": ["Anna", "Bo", "Carl"], "LOC": ["Rome", "Oslo", "Lima"]}
    posts = []
    for split, count in (("train", 40), ("dev", 12), ("test", 12)):
        for n in range(count):
            kind = ("PER", "LOC")[n % 2]
            name = names[kind][n % 3]
            tokens = ("I", "saw", name, "Smith" if n % 4 == 0 else "today", "!")[: 3 + n % 3]
            labels = ["O", "O", f"B-{kind}", "O", "O"][: len(tokens)]
            if len(tokens) > 3 and tokens[3] == "Smith":
                labels[3] = f"I-{kind}"
            image = None if n % 5 == 0 else f"img{n % 7}"
            posts.append(Post(f"{split}/{n}", split, image, tokens, tuple(labels), n))
    return posts


def make_workspace(root: Path) -> Workspace:
    made = Workspace(root)
    made.root.mkdir()
    write_posts(make_posts(), made.posts)
    names = [f"img{n}" for n in range(6)]  # img6 is missing
    rows = [Image(name, f"{name}.jpg", key_of(name), 4, 4, "ok", "") for name in names]
    write_images([*rows, bad("img6", None, "missing", "no such file")], made.images)
    write_caches(made, names)
    build_vocab(of_project("vocab", Vocab), TYPES, made.posts, made.vocab)
    source = made.root / "tiny.txt"
    words = ["anna", "rome", "oslo", "saw", "today", "smith", "lima"]
    random = np.random.default_rng(3).normal(size=(len(words), 5)).round(3)
    lines = [f"{w} {' '.join(map(str, row))}" for w, row in zip(words, random, strict=True)]
    source.write_text("\n".join(lines) + "\n")
    params = of_project("vectors", Vectors)
    build_vectors(params, text_source(source, 5), made.posts, made.vocab, made.vectors)
    return made
