"""Known corpora, and which of them a copy is.

Twitter2015 is known by digests of its posts, taken from the copy of its authors' files, and by the
counts of Table 1 of Zhang et al. (AAAI 2018). Twitter2017 is known by counts alone: those of Yu et
al. (ACL 2020), whose files most later work uses, and the posts of Lu et al. (ACL 2018).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.corpus.bio import opened
from pipeline.corpus.normalize import is_invisible
from pipeline.corpus.posts import SPLITS, Post

Counts = tuple[int, ...]  # of train, dev and test


@dataclass(frozen=True)
class Known:
    """A corpus as published; None and an empty string where it is not known."""

    name: str
    posts: Counts
    entities: Counts | None
    texts: str = ""  # digest of ids and tokens
    labels: str = ""  # digest of the labels


KNOWN = (
    Known(
        "Twitter2015 (Zhang et al. 2018)",
        (4000, 1000, 3257),
        (6176, 1546, 5078),
        "7c23e7d720137d55c8bd66cc72e21cb7276b7c46aec6f76ced8fd8094b24fd29",
        "e7a072d9528fb0de7dc3bd6bd65ec11336ab87f84a9f859716f5e8e5ca5c41b1",
    ),
    Known("Twitter2017 (as Yu et al. 2020 split it)", (3373, 723, 723), (6049, 1324, 1351)),
    Known("Twitter2017 (Lu et al. 2018)", (4290, 1432, 1459), None),
)


def recognise(posts: Sequence[Post]) -> str:
    """Say in a sentence which known corpus these posts are, how far, and by what."""
    by_split = [[post for post in posts if post.split == split] for split in SPLITS]
    counts = tuple(map(len, by_split))
    found = tuple(sum(len(opened(post.labels)) for post in own) for own in by_split)
    for known in KNOWN:
        if known.posts != counts:
            continue
        texts, labels = digests(posts)
        same_text = texts == known.texts
        if same_text and labels == known.labels:
            return f"{known.name}: the original posts and labels, by their digests"
        by = "by the digest of its posts" if same_text else "by its numbers of posts"
        if known.entities is None:
            return f"{known.name}, {by}; how many entities it has is not known"
        if found == known.entities and not same_text:
            return f"{known.name}, {by} and of entities"
        have, should = ("/".join(map(str, numbers)) for numbers in (found, known.entities))
        return (
            f"{known.name}, {by}, but relabelled: {have} entities, where the original has {should};"
            " scores on it do not compare with published ones"
        )
    return "no corpus that is known here"


def digests(posts: Sequence[Post]) -> tuple[str, str]:
    """SHA-256 of ids and tokens, and of labels.

    Tokens of which nothing is seen are left out, since many copies lost them.
    """
    texts, labels = hashlib.sha256(), hashlib.sha256()
    for post in posts:
        seen = [at for at, token in enumerate(post.tokens) if not is_invisible(token)]
        row = [post.split, post.image, [post.tokens[at] for at in seen]]
        texts.update(json.dumps(row).encode())
        labels.update(json.dumps([post.split, [post.labels[at] for at in seen]]).encode())
    return texts.hexdigest(), labels.hexdigest()
