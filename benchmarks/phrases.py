"""Tables of phrases made for benchmarks: with words that tell an entity's type, or with none."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.corpus.images import Image as ImageRow
from pipeline.corpus.posts import Post
from pipeline.errors import PipelineError
from pipeline.tables.phrases import NONE, KeyedBy, WeightedWords, plain, write_phrases

KEYED_BY: Mapping[str, KeyedBy] = {  # the caches there are
    "attributes": "image",
    "captions": "image",
    "hashtags": "token",
    "knowledge": "post",
}
HASHTAG = "#x"  # made-up hashtags begin so, and no hashtag of the sentences does
WORDS_A_PHRASE = 3
WORDS = {  # each type has words of its own
    "PER": "actor singer player writer mother king doctor poet lawyer boxer dancer soldier",
    "ORG": "company bank club party university airline agency union league council firm ministry",
    "OTHER": "film album phone car game novel song opera award software drug comet",
}


def keyed_by(cache: str) -> KeyedBy:
    """The kind of key that a cache of phrases has."""
    if cache not in KEYED_BY:
        raise PipelineError(
            f"no planted signal is known for the phrases {cache!r}: add it to KEYED_BY in "
            "benchmarks/phrases.py"
        )
    return KEYED_BY[cache]


def plant(
    path: Path,
    cache: str,
    posts: Sequence[Post],
    images: Sequence[ImageRow],
    telling: bool,
    masked: bool,
    random: np.random.Generator,
) -> None:
    """Write the table of a cache of phrases for planted posts.

    Args:
        path: where it goes.
        cache: its name.
        posts: the posts, of one type of entity each.
        images: the table of images: what the keys of a table keyed by image are.
        telling: whether the words tell the entity's type; else they are of any type.
        masked: whether all phrases are left empty.
        random: draws the words.
    """
    files = {image.image: image.sha256 for image in images if image.sha256}
    rows: dict[str, WeightedWords] = {}
    for post in posts:
        key = {
            "image": files.get(post.image or ""),
            "post": post.post,
            "token": next((token for token in post.tokens if token.startswith(HASHTAG)), None),
        }[keyed_by(cache)]
        kind = next(label[2:] for label in post.labels if label != "O")
        if not telling:
            kind = sorted(WORDS)[random.integers(len(WORDS))]
        words = random.choice(WORDS[kind].split(), WORDS_A_PHRASE, replace=False).tolist()
        if key is not None and key not in rows:
            rows[key] = NONE if masked else plain(words)
    if keyed_by(cache) == "image":
        rows = dict.fromkeys(files.values(), NONE) | rows  # the pictures of no post
    write_phrases(path, keyed_by(cache), "planted", sorted(rows.items()))


def without_words(
    path: Path, cache: str, posts: Sequence[Post], images: Sequence[ImageRow]
) -> None:
    """Write the table of a cache of phrases as it is where nothing was found for any key."""
    keys: dict[KeyedBy, list[str]] = {
        "image": sorted({image.sha256 for image in images if image.sha256}),
        "post": sorted(post.post for post in posts),
        "token": [],
    }
    kind = keyed_by(cache)
    write_phrases(path, kind, "nothing", [(key, NONE) for key in keys[kind]])


def grey_picture(folder: Path, name: str) -> str:
    """Write the same grey picture for every name, as a file of its own; its image id."""
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), (128, 128, 128)).save(buffer, "JPEG", comment=name.encode())
    (folder / f"{name}.jpg").write_bytes(buffer.getvalue())
    return name
