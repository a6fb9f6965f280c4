"""The table of a corpus's hashtags and their words, `features/hashtags.parquet`."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa

from pipeline.corpus.posts import read_posts
from pipeline.errors import PipelineError
from pipeline.files import sha256_of
from pipeline.fit.checkpoint import WEIGHTS
from pipeline.tables.phrases import plain, write_phrases
from pipeline.text.hashtags.neural import read_segmenter
from pipeline.text.hashtags.rules import CamelCase, WordSegment
from pipeline.text.hashtags.segmenter import Segmented, Segmenter, segment
from pipeline.text.hashtags.word_counts import digest

Name = Literal["neural", "wordsegment", "camel"]
VERSION = 1  # raised when the code comes to mean something else
LISTED = 10  # odd hashtags that the report names


@dataclass(frozen=True)
class Report:
    """What was split; `str(report)` is for the terminal."""

    segmenter: str
    found: tuple[Segmented, ...]

    def __str__(self) -> str:
        several = sum(len(one.words.words) > 1 for one in self.found)
        odd = [one for one in self.found if one.note]
        kinds = Counter(one.note for one in odd)
        lines = [
            f"{len(self.found)} different hashtags, {several} of several words ({self.segmenter});"
            f" {len(odd)} kept as they stand"
            + "".join(f", {count} {note}" for note, count in sorted(kinds.items()))
        ]
        lines += [f"  {one.token[:40]}: {one.note}" for one in odd[:LISTED]]
        return "\n".join(lines + [f"  and {len(odd) - LISTED} more"] * (len(odd) > LISTED))


def hashtags(
    posts_path: Path, table: Path, name: Name, model: Path | None, max_characters: int
) -> Report:
    """Write the words of every hashtag of the posts, keyed by the token as spelled there.

    Beside the words stand `confidence`, the segmenter's own, and `note`: why none was asked.

    Args:
        posts_path: the table of posts, all splits.
        table: the table of phrases that is written.
        name: of the segmenter.
        model: folder of the neural one.
        max_characters: a longer hashtag is kept as one word.

    Raises:
        PipelineError: for the neural segmenter without its model, or a damaged one.
    """
    segmenter, origin = _find(name, model)
    tokens = sorted({token for post in read_posts(posts_path) for token in post.tokens})
    found = segment(tokens, segmenter, max_characters)
    further = {
        "confidence": pa.array([one.words.confidence for one in found], pa.float32()),
        "note": pa.array([one.note for one in found], pa.string()),
    }
    said = f"{VERSION} {name} {origin} {max_characters}"
    fingerprint = hashlib.sha256(said.encode()).hexdigest()
    rows = [(one.token, plain(one.words.words)) for one in found]
    write_phrases(table, "token", fingerprint, rows, further)
    return Report(name, tuple(found))


def _find(name: Name, model: Path | None) -> tuple[Segmenter, str]:
    """The segmenter, and what its words depend on."""
    match name:
        case "camel":
            return CamelCase(), ""
        case "wordsegment":
            return WordSegment(), digest()
        case "neural":
            if model is None:
                raise PipelineError("hashtags.segmenter is neural, but no --model was given")
            return read_segmenter(model), sha256_of(model / WEIGHTS)
