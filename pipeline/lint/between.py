"""What `mner lint` finds beyond the small faults that every run counts (`pipeline.corpus.lint`)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.corpus.lint import Finding
from pipeline.corpus.listing import Resolver, list_folder
from pipeline.corpus.posts import SPLITS, Post
from pipeline.files import sha256_of
from pipeline.metrics.spans import strict_spans

# The public programs of the field take this picture of Twitter2017 for every one that is not there.
STAND_IN = "17_06_4705"
PLACEHOLDER = 5  # one picture under so many ids is hardly a post's own

MEANING = {
    "conflict": "posts that repeat another, with other labels",
    "duplicate_id": "posts whose image another post has too",
    "cut": "entities that a limit of length cuts, wholly or in part",
    "missing_image": "posts whose image is not there",
    "same_picture": "ids whose picture another id has too, byte by byte",
    "placeholder": f"ids of one picture that {PLACEHOLDER} or more have, as a deleted post's has",
}


def between_posts(posts: Sequence[Post], limit: int) -> Iterator[Finding]:
    """Compare posts by their tokens and ids, and entities with a `limit` of tokens."""
    same: dict[tuple[str, ...], Post] = {}
    images: dict[str, Post] = {}
    for post in posts:
        first = same.setdefault(post.tokens, post)
        if first.labels != post.labels:
            yield _of(post, "conflict", f"other labels than {first.post} (line {first.line})")
        if post.image is not None:
            owner = images.setdefault(post.image, post)
            if owner is not post:
                text = f"image {post.image!r} is that of {owner.post} (line {owner.line})"
                yield _of(post, "duplicate_id", text)
        for start, end, _ in strict_spans(post.labels):
            if end > limit:
                name = " ".join(post.tokens[start:end])
                yield _of(post, "cut", f"{name!r} ends with token {end}, the limit is {limit}")


def in_folder(posts: Sequence[Post], folder: Path) -> tuple[list[Finding], int]:
    """Look for the images of posts, without decoding any.

    Returns:
        The findings, and the number of posts whose image is there.

    Raises:
        OSError: if the folder cannot be listed.
    """
    resolver = Resolver(list_folder(folder))
    first: dict[str, Post] = {}
    paths: dict[str, Path] = {}
    findings = []
    there = 0
    for post in posts:
        if post.image is None:
            continue
        first.setdefault(post.image, post)
        found = resolver.find(post.image)
        if found.path is None:
            text = f"{found.status}: {post.image!r}: {found.reason}"
            findings.append(_of(post, "missing_image", text))
        else:
            paths[post.image] = folder / found.path
            there += 1
    for images in _same(paths):
        kind = "placeholder" if len(images) >= PLACEHOLDER else "same_picture"
        for image in images[1:]:
            findings.append(_of(first[image], kind, f"{image!r} shows what {images[0]!r} does"))
    if STAND_IN in paths:
        text = f"{STAND_IN!r} stands in for missing pictures in public programs"
        findings.append(_of(first[STAND_IN], "placeholder", text))
    return findings, there


def seen_in_train(posts: Sequence[Post]) -> dict[str, tuple[int, int]]:
    """Type -> the number of test's entities that train has, by words and type; of all."""
    words = defaultdict(list)
    for post in posts:
        for start, end, entity_type in strict_spans(post.labels):
            words[post.split].append((entity_type, post.tokens[start:end]))
    known = set(words[SPLITS[0]])
    every = Counter(entity_type for entity_type, _ in words[SPLITS[-1]])
    seen = Counter(entity[0] for entity in words[SPLITS[-1]] if entity in known)
    return {entity_type: (seen[entity_type], every[entity_type]) for entity_type in sorted(every)}


def _same(paths: dict[str, Path]) -> list[list[str]]:
    """The ids whose files are equal; only files of equal length are read."""
    by_size: dict[int, list[str]] = defaultdict(list)
    for image, path in paths.items():
        if path.is_file():
            by_size[path.stat().st_size].append(image)
    by_content: dict[str, list[str]] = defaultdict(list)
    for images in by_size.values():
        for image in images if len({paths[one] for one in images}) > 1 else ():
            by_content[sha256_of(paths[image])].append(image)
    return [images for images in by_content.values() if len(images) > 1]


def _of(post: Post, kind: str, text: str) -> Finding:
    return Finding(kind, post.split, post.post, post.line, text)
