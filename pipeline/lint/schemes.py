"""Schemes of labels: which one a file has, and its labels as BIO.

IOB1 begins an entity with I-, and with B- only after an entity of the same type; IO has I- alone.
BIOES and BILOU mark an entity's last token (E, L) and one of one token (S, U), BMES the middle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pipeline.corpus.bio import OUTSIDE, opened, orphans, split_label
from pipeline.corpus.conll import Fault

BIO = "BIO"
PREFIXES = {"S": "B", "U": "B", "E": "I", "L": "I", "M": "I"}  # as BIO has them


def scheme_of(posts: Sequence[Sequence[str]]) -> str:
    """The scheme of the labels of some posts."""
    prefixes = Counter(split_label(label)[0] for labels in posts for label in labels)
    for scheme, letters in {"BILOU": "LU", "BMES": "M", "BIOES": "ES"}.items():
        if any(prefixes[letter] for letter in letters):
            return scheme
    lost = sum(len(orphans(labels)) for labels in posts)
    entities = sum(len(opened(labels)) for labels in posts)
    if lost <= entities:  # the published corpora have some, which stay as they are
        return BIO
    return "IOB1" if entities else "IO"


def to_bio(labels: Sequence[str], scheme: str) -> list[str]:
    """The labels of one post as BIO."""
    found, before = [], OUTSIDE
    for label in labels:
        prefix, entity_type = split_label(label)
        prefix = PREFIXES.get(prefix, prefix)
        begins = split_label(before)[1] != entity_type
        if scheme in ("IOB1", "IO") and prefix == "I" and begins:
            prefix = "B"
        before = f"{prefix}-{entity_type}" if entity_type else label
        found.append(before)
    return found


def convert(lines: list[tuple[int, str | Fault]]) -> str:
    """Bring the labels of the lines of a file to BIO, in place; the scheme that they had."""
    posts = _posts(lines)
    labels = [[text.partition("\t")[2] for _, text in post] for post in posts]
    scheme = scheme_of(labels)
    if scheme == BIO:
        return scheme
    for post, own in zip(posts, labels, strict=True):
        for (at, text), label in zip(post, to_bio(own, scheme), strict=True):
            token = text.partition("\t")[0]
            lines[at] = (lines[at][0], f"{token}\t{label}")
    return scheme


def _posts(lines: Sequence[tuple[int, str | Fault]]) -> list[list[tuple[int, str]]]:
    """The places and texts of the token lines, post by post."""
    posts: list[list[tuple[int, str]]] = [[]]
    for at, (_, line) in enumerate(lines):
        if isinstance(line, str) and line.count("\t") == 1:
            posts[-1].append((at, line))
        elif posts[-1]:
            posts.append([])
    return posts
