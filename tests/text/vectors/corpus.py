"""A corpus of three posts and a small source of word vectors."""

from pathlib import Path

import numpy as np

from pipeline.corpus.posts import Post, write_posts
from pipeline.params.vectors import Vectors
from pipeline.params.vocab import Normalize, Vocab
from pipeline.text.vectors.words import Report, build_vectors, read_vectors
from pipeline.text.vocab import build_vocab
from tests.blocks import of_project, text_source

CASED = Normalize(lowercase=False, urls=True, users=True, digits=False)
LOWER = Normalize(lowercase=True, urls=True, users=True, digits=False)
SPLITS = ("train", "dev", "test")


def post(split: str, text: str) -> Post:
    tokens = tuple(text.split(" "))
    return Post(f"{split}/0", split, None, tokens, ("O",) * len(tokens), 1)


POSTS = [
    post("train", "Rome is in Italy @x"),
    post("dev", "Paris is in ITALY <pad> <unk>"),
    post("test", "Bonn is é"),
]
GLOVE = b"""is 1 2
Rome 3 4
rome 5 6
italy 7 8
<user> 9 10
is 0 0
bonn 11 12
<pad> 13 13
<unk> 14 14
caf\xe9 15 15
"""


def train_words(form: Normalize) -> Vocab:
    return Vocab.model_validate(
        {"splits": ["train"], "min_count": 1, "normalize": form.model_dump()}
    )


def vectors_of(splits: tuple[str, ...], fallback: bool, hashtag: bool) -> Vectors:
    return of_project(
        "vectors", Vectors, splits=splits, lowercase_fallback=fallback, hashtag_fallback=hashtag
    )


class Corpus:
    """Posts and vocabulary in a folder, and the source `glove.txt`."""

    def __init__(self, folder: Path, normalization: Normalize = CASED) -> None:
        self.folder = folder
        write_posts(POSTS, folder / "posts.parquet")
        build_vocab(
            train_words(normalization),
            ["PER", "LOC", "ORG", "OTHER"],
            folder / "posts.parquet",
            folder / "vocab",
        )
        (folder / "glove.txt").write_bytes(GLOVE)

    def build(
        self,
        splits: tuple[str, ...] = SPLITS,
        fallback: bool = True,
        width: int = 2,
        hashtag: bool = False,
    ) -> Report:
        return build_vectors(
            vectors_of(splits, fallback, hashtag),
            text_source(self.folder / "glove.txt", width),
            self.folder / "posts.parquet",
            self.folder / "vocab",
            self.folder / "vectors.parquet",
        )

    def table(self) -> dict[str, list[float] | None]:
        vectors = read_vectors(self.folder / "vectors.parquet")
        assert list(vectors.words) == sorted(vectors.words)
        assert vectors.matrix.dtype == np.float32
        assert not vectors.matrix[~vectors.found].any()
        return {
            word: vectors.matrix[row].tolist() if vectors.found[row] else None
            for row, word in enumerate(vectors.words)
        }
