"""The phrases of posts: the words that tables have for a post, its image or its tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from functools import reduce
from operator import add
from pathlib import Path

from pipeline.corpus.images import read_images, usable
from pipeline.corpus.posts import Post
from pipeline.errors import PipelineError
from pipeline.tables.phrases import NONE, PhraseTable, WeightedWords, read_phrases


class Phrases:
    """Finds the phrases of a post in each of the tables that a system reads.

    Args:
        tables: cache -> its table of phrases.
        images: `features/images.parquet`, for tables that are keyed by image.

    Raises:
        PipelineError: for a file that is no table of phrases, or a table that lacks an image
            which `images` calls usable.
    """

    def __init__(self, tables: Mapping[str, Path], images: Path | None) -> None:
        self._tables = {name: read_phrases(path) for name, path in tables.items()}
        self._images: dict[str, str] = {}  # id -> sha256
        keyed = [table for table in self._tables.values() if table.keyed_by == "image"]
        if keyed:
            if images is None:
                raise PipelineError(f"{keyed[0].path}: is keyed by image, but no --images is given")
            self._images = usable(read_images(images))
        for table in keyed:
            keys = set(self._images.values())
            _check_complete(table, keys, f"{len(keys)} usable images")

    @property
    def fingerprints(self) -> dict[str, str]:
        """For each table, the digest of the source of its words."""
        return {name: table.fingerprint for name, table in self._tables.items()}

    @property
    def facts(self) -> dict[str, Mapping[str, str]]:
        """For each table, what a reader wants to know of the source of its words."""
        return {name: table.facts for name, table in self._tables.items()}

    @property
    def pictures(self) -> Set[str]:
        """The ids of the images that a table keyed by image has phrases of."""
        return self._images.keys()

    def of(self, posts: Sequence[Post]) -> list[dict[str, WeightedWords]]:
        """The phrases of each post by cache; without words where a post has none.

        Raises:
            PipelineError: for a table keyed by post that has no row of one of `posts`.
        """
        keys = {post.post for post in posts}
        for table in self._tables.values():
            if table.keyed_by == "post":
                _check_complete(table, keys, f"{len(keys)} posts")
        return [
            {name: self._phrase(table, post) for name, table in self._tables.items()}
            for post in posts
        ]

    def _phrase(self, table: PhraseTable, post: Post) -> WeightedWords:
        match table.keyed_by:
            case "post":
                return table.rows[post.post]
            case "image":
                key = self._images.get(post.image) if post.image is not None else None
                return table.rows[key] if key is not None else NONE
            case "token":
                return reduce(add, (table.rows.get(token, NONE) for token in post.tokens), NONE)


def _check_complete(table: PhraseTable, keys: set[str], what: str) -> None:
    missing = keys - table.rows.keys()
    if missing:
        raise PipelineError(
            f"{table.path}: lacks {len(missing)} of the {what} of this corpus (such as "
            f"{min(missing)}): it belongs to another corpus or is out of date; run its stage, or "
            "`dvc pull` it"
        )
