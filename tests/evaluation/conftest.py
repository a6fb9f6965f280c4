"""A corpus of a few posts, and predictions on it with faults that can be counted by hand."""

from collections.abc import Callable, Sequence

import pytest

from pipeline.corpus.posts import Post
from pipeline.evaluation.predictions import Prediction
from pipeline.training.setting import Setting

GOLD = {
    "train": ["B-PER"],
    "dev": ["B-PER I-PER O", "O B-LOC"],
    "test": ["B-PER I-PER O B-LOC", "O O", "B-ORG I-ORG", "I-PER B-LOC O"],
}

SETTING = Setting("tuned", "adam 0.002", {"glove50": 50}, {"regions": {"backbone": "vgg16"}})
# Made with mentions off the labels.
SPOILED = Setting(
    "tuned", "adam 0.002", {"glove50": 50}, {"knowledge": {"graph": "sample", "mentions": "gold"}}
)
PICTURES = frozenset({"a", "b"})

Predict = Callable[..., list[Prediction]]


@pytest.fixture
def posts() -> list[Post]:
    return [
        Post(
            f"{split}/{n}",
            split,
            "abc"[n] if n < 3 else None,
            tuple(f"w{i}" for i in range(len(labels))),
            labels,
            n,
        )
        for split, texts in GOLD.items()
        for n, labels in enumerate(tuple(text.split()) for text in texts)
    ]


@pytest.fixture
def predict(posts: Sequence[Post]) -> Predict:
    """`predict(seed, {post: labels})`: the gold of dev and test but for the posts given."""

    def make(seed: int, but: dict[str, str] | None = None) -> list[Prediction]:
        changed = {name: tuple(labels.split()) for name, labels in (but or {}).items()}
        return [
            Prediction(post.post, seed, post.split, changed.get(post.post, post.labels))
            for post in posts
            if post.split != "train"
        ]

    return make
