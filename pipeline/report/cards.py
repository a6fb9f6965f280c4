"""The posts of test as the page's script reads them: spans rather than labels.

The tree is `{"systems", "types", "cover", "names", "chunk", "posts"}`, to which `write_report` adds
`pictures`, the extents of the thumbnails by number:

- `cover` is the part of a picture that regions cover (`region_cover`);
- `names` holds for each system what the values of its kinds stand for (`System.looked_at`);
- `chunk` is the number of posts in a chunk of what systems looked at (`looked_chunks`).

A post is `{"id", "tokens", "gold", "found", "image", "picture", "why", "tags", "caption",
"hashtags", "knowledge"}`:

- `gold` is a flat list of start, end, type and whether the entity is unseen in train;
- `found` holds for each system a flat list of start, end and type, as its first seed found them;
- `picture` is the number of the thumbnail, or null, and then `why` says the reason;
- `knowledge` is what `read_knowledge` gives.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pipeline.corpus.images import read_images
from pipeline.corpus.posts import Post
from pipeline.errors import PipelineError
from pipeline.metrics.spans import Span, strict_spans
from pipeline.report.files import ReportFiles
from pipeline.report.groups import surface
from pipeline.report.knowledge import read_knowledge
from pipeline.report.looked import CHUNK
from pipeline.report.pictures import Pictures, region_cover
from pipeline.report.rows import read_rows
from pipeline.report.systems import Tagged
from pipeline.tables import image_words
from pipeline.tables.parquet import read_table

R = TypeVar("R")


def card_data(
    files: ReportFiles,
    posts: Sequence[Post],
    systems: Sequence[Tagged],
    types: Sequence[str],
    seen: Collection[str],
    pictures: Pictures,
) -> dict[str, Any]:
    """Gather what the cards of the posts of test show.

    Args:
        files: the caches.
        posts: of test, in their order.
        systems: what they said of these posts.
        types: of all spans.
        seen: the surfaces of train's entities.
        pictures: is told which pictures are shown.

    Raises:
        PipelineError: naming the cache, if one is missing, damaged, or of another corpus.
    """
    context = _Context(files, pictures)
    return {
        "systems": [system.name for system in systems],
        "types": types,
        "cover": region_cover(files.regions),
        "names": [system.looked.names for system in systems],
        "chunk": CHUNK,
        "posts": [
            {
                "id": post.post,
                "tokens": post.tokens,
                "gold": _gold(post, types, seen),
                "found": [_flat(system.first[place], types) for system in systems],
                **context.of(post),
            }
            for place, post in enumerate(posts)
        ],
    }


class _Context:
    """The caches that say something of a post, by post, picture or token."""

    def __init__(self, files: ReportFiles, pictures: Pictures) -> None:
        self._files, self._pictures = files, pictures
        self._images = {row.image: row for row in read_images(files.images)}
        tags = read_table(files.tags, image_words.SCHEMA, "tags")
        self._tags = {row["sha256"]: row for row in tags.to_pylist()}
        captions = read_rows(files.captions, "caption", ["key", "caption"])
        self._captions = {row["key"]: row["caption"] for row in captions}
        hashtags = read_rows(files.hashtags, "hashtags", ["key", "words"])
        self._hashtags = {row["key"]: row["words"] for row in hashtags}
        self._knowledge = read_knowledge(files, pictures)

    def of(self, post: Post) -> dict[str, Any]:
        hashtags = [token for token in dict.fromkeys(post.tokens) if token in self._hashtags]
        return {
            "image": post.image,
            **self._seen(post),
            "hashtags": [[token, " ".join(self._hashtags[token])] for token in hashtags],
            "knowledge": _row(self._knowledge, post.post, self._files.knowledge),
        }

    def _seen(self, post: Post) -> dict[str, Any]:
        """What the post's picture shows, or why there is none."""
        why = "the post names no picture"
        if post.image is not None:
            image = _row(self._images, post.image, self._files.images)
            if image.sha256 is not None:
                return self._shown(image.sha256)
            why = image.reason
        return {"picture": None, "why": why, "tags": [], "caption": ""}

    def _shown(self, sha256: str) -> dict[str, Any]:
        tags = _row(self._tags, sha256, self._files.tags)
        pairs = zip(tags["words"], tags[image_words.PROBABILITIES], strict=True)
        return {
            "picture": self._pictures.place(sha256, self._files.thumbnails),
            "tags": [[word, round(probability, 3)] for word, probability in pairs],
            "caption": _row(self._captions, sha256, self._files.captions),
        }


def _row(rows: Mapping[str, R], key: str, path: Path) -> R:
    """What the table at `path` has of `key`; each of them has a row for all that can be asked."""
    if key not in rows:
        raise PipelineError(f"{path}: has no row for {key}: of another corpus; run `dvc repro`")
    return rows[key]


def _gold(post: Post, types: Sequence[str], seen: Collection[str]) -> list[int]:
    return [
        value
        for span in strict_spans(post.labels)
        for value in (*_flat([span], types), int(surface(post, span) not in seen))
    ]


def _flat(spans: Sequence[Span], types: Sequence[str]) -> list[int]:
    return [value for s in spans for value in (s.start, s.end, types.index(s.type))]
