"""The posts of test as the page's script reads them: spans rather than labels, each word once.

The page also gets `pictures`, the extents of the thumbnails by number; here stands

`{"systems": [NAME], "types": [TYPE], "cover": the part of a picture that regions cover,
"names": [{KIND: [NAME]}] by system, "chunk": posts in a chunk of what systems looked at,
"posts": [POST]}`, where a POST is `{"id", "tokens", "gold", "found", "image", "picture", "why",
"tags", "caption", "hashtags", "knowledge"}`:

- `gold` is a flat list of start, end, type and whether the entity is unseen in train;
- `found` holds for each system a flat list of start, end and type, as its first seed found them;
- `picture` is the number of the thumbnail, or null, and then `why` says the reason.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

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
            "knowledge": self._knowledge.get(post.post),
        }

    def _seen(self, post: Post) -> dict[str, Any]:
        """What the post's picture shows, or why there is none."""
        image = None if post.image is None else self._images.get(post.image)
        if image is None and post.image is not None:
            raise PipelineError(
                f"{self._files.images}: lacks {post.image}, which {post.post} names;"
                " run `dvc repro index_images`"
            )
        if image is None or image.sha256 is None:
            why = "the post names no picture" if image is None else image.reason
            return {"picture": None, "why": why, "tags": [], "caption": ""}
        tags = self._tags.get(image.sha256, {"words": [], image_words.PROBABILITIES: []})
        pairs = zip(tags["words"], tags[image_words.PROBABILITIES], strict=True)
        return {
            "picture": self._pictures.place(image.sha256, self._files.thumbnails),
            "tags": [[word, round(probability, 3)] for word, probability in pairs],
            "caption": self._captions.get(image.sha256, ""),
        }


def _gold(post: Post, types: Sequence[str], seen: Collection[str]) -> list[int]:
    return [
        value
        for span in strict_spans(post.labels)
        for value in (*_flat([span], types), int(surface(post, span) not in seen))
    ]


def _flat(spans: Sequence[Span], types: Sequence[str]) -> list[int]:
    return [value for s in spans for value in (s.start, s.end, types.index(s.type))]
