"""The table of a corpus's hashtags and their words, `features/hashtags.parquet`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from pipeline.corpus.posts import read_posts
from pipeline.errors import PipelineError
from pipeline.files import sha256_of
from pipeline.fingerprint import digest
from pipeline.fit.checkpoint import WEIGHTS
from pipeline.params.hashtags import Hashtags
from pipeline.tables.phrases import plain, write_phrases
from pipeline.text.hashtags.neural import read_segmenter
from pipeline.text.hashtags.rules import CamelCase, WordSegment
from pipeline.text.hashtags.segmenter import Segmented, Segmenter, segment
from pipeline.text.hashtags.word_counts import digest_of_counts

VERSION = 1  # raised when the meaning of the code changes
LISTED = 10  # the report names so many odd hashtags


@dataclass(frozen=True)
class Report:
    """The hashtags split; `str(report)` is for the terminal."""

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


def hashtags(params: Hashtags, posts_path: Path, model: Path | None, table: Path) -> Report:
    """Write the words of every hashtag of the posts, keyed by the token as spelled there.

    Further columns are the segmenter's `confidence`, and `note`: why none was asked.

    Args:
        params: the block.
        posts_path: the table of posts, all splits.
        model: the folder of the neural segmenter.
        table: written, a table of phrases.

    Raises:
        PipelineError: for the neural segmenter without its model, or a damaged one.
    """
    segmenter, fingerprint = find_segmenter(params, model)
    tokens = sorted({token for post in read_posts(posts_path) for token in post.tokens})
    found = segment(tokens, segmenter, params.max_characters)
    further = {
        "confidence": pa.array([one.words.confidence for one in found], pa.float32()),
        "note": pa.array([one.note for one in found], pa.string()),
    }
    rows = [(one.token, plain(one.words.words)) for one in found]
    write_phrases(table, "token", fingerprint, rows, further, {"segmenter": params.segmenter})
    return Report(params.segmenter, tuple(found))


def find_segmenter(params: Hashtags, model: Path | None) -> tuple[Segmenter, str]:
    """The segmenter, and a digest of all that its words depend on.

    Raises:
        PipelineError: as `hashtags`.
    """
    segmenter, origin = _find(params, model)
    made_from = {"version": VERSION, "origin": origin, "params": params.model_dump()}
    return segmenter, digest(made_from)


def _find(params: Hashtags, model: Path | None) -> tuple[Segmenter, str]:
    """The segmenter, and a digest of the files behind it."""
    match params.segmenter:
        case "camel":
            return CamelCase(), ""
        case "wordsegment":
            return WordSegment(), digest_of_counts()
        case "neural":
            if model is None:
                raise PipelineError("hashtags.segmenter is neural, but no --model was given")
            return read_segmenter(model), sha256_of(model / WEIGHTS)
