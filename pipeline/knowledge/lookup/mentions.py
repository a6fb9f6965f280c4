"""The stage `mentions`: which words of a post may name an entity of the graph.

Chen et al. 2021 "first recognize entity mentions" and do not say how. Here are three sources: a
text-only tagger of ours (`features/tagged.parquet`), the post's spelling (capitals and hashtags),
or the gold labels. Gold mentions give away what a system has to find: they serve analysis alone,
and every table made with them says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from pipeline.corpus.posts import Post, read_posts
from pipeline.errors import PipelineError
from pipeline.files import write_json
from pipeline.metrics.spans import strict_spans
from pipeline.params.mentions import GOLD
from pipeline.params.mentions import Mentions as MentionsParams
from pipeline.tables.parquet import read_table, write_table

Source = Literal["tagger", "ngrams", "gold"]
SOURCE = b"source"  # key in the metadata of the schema

SCHEMA = pa.schema(
    [
        pa.field("post", pa.string(), nullable=False),
        pa.field("start", pa.int32(), nullable=False),
        pa.field("end", pa.int32(), nullable=False),
        pa.field("mention", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
    ]
)
TAGGED = pa.schema(
    [
        pa.field("post", pa.string(), nullable=False),
        pa.field("start", pa.int32(), nullable=False),
        pa.field("end", pa.int32(), nullable=False),
        pa.field("type", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True, order=True)
class Mention:
    """Tokens `start` to `end` (exclusive) of a post, joined by spaces."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Mentions:
    """The mentions of each post that has any, in the order of their starts."""

    source: Source
    by_post: Mapping[str, Sequence[Mention]]


def find_mentions(
    params: MentionsParams, posts: Path, tagged: Path | None, table: Path, metrics: Path
) -> str:
    """Write the mentions of every post; the report is for the terminal.

    Args:
        params: the block.
        posts: the table of posts.
        tagged: the spans that a tagger found; needed where the source is "tagger".
        table: written, the mentions.
        metrics: written, counts as JSON.

    Raises:
        PipelineError: for no table of spans where one is needed, or one that is of other posts.
    """
    source = params.source
    rows = read_posts(posts)
    if source == "tagger":
        if tagged is None:
            raise PipelineError("mentions.source is tagger: name the table of its spans, --tagged")
        spans = _tagged(tagged, rows)
    elif source == "gold":
        spans = {row.post: [s[:2] for s in strict_spans(row.labels)] for row in rows}
    else:
        spans = {row.post: list(ngrams(row.tokens, params.longest)) for row in rows}
    found = [
        (row.post, mention.start, mention.end, mention.text, source)
        for row in rows
        for mention in named(row.tokens, spans.get(row.post, ()))
    ]
    columns = list(zip(*found, strict=True)) or [()] * len(SCHEMA)
    schema = SCHEMA.with_metadata({SOURCE: source.encode()})
    write_table(pa.table([list(column) for column in columns], schema), table)
    with_any = len({row[0] for row in found})
    counts: dict[str, Any] = {
        "source": source,
        "gold": source == "gold",
        "mentions": len(found),
        "posts": {"all": len(rows), "with_mention": with_any},
    }
    write_json(metrics, counts)
    told = f"{len(found)} mentions in {with_any} of {len(rows)} posts, by {source}"
    return f"{GOLD}\n{told}" if source == "gold" else told


def read_mentions(path: Path) -> Mentions:
    """Read the table that `find_mentions` wrote.

    Raises:
        PipelineError: if it is missing, damaged, or does not name the source of its mentions.
    """
    table = read_table(path, SCHEMA, "mentions")
    source = (table.schema.metadata or {}).get(SOURCE, b"").decode()
    if source not in ("tagger", "ngrams", "gold"):
        raise PipelineError(
            f"{path}: does not say where its mentions come from; run `dvc repro mentions`"
        )
    by_post: dict[str, list[Mention]] = {}
    columns = table.to_pydict()
    for post, start, end, text in zip(*list(columns.values())[:4], strict=True):
        by_post.setdefault(post, []).append(Mention(start, end, text))
    return Mentions(source, by_post)


def named(tokens: Sequence[str], spans: Iterable[tuple[int, int]]) -> list[Mention]:
    """The mentions at `spans` of one post, by their starts, the longest first."""
    order = sorted(spans, key=lambda span: (span[0], -span[1]))
    return [Mention(start, end, " ".join(tokens[start:end])) for start, end in order]


def ngrams(tokens: Sequence[str], longest: int) -> Iterator[tuple[int, int]]:
    """Spans that are spelled like names: hashtags, and up to `longest` capitalised words in a row.

    A capitalised word begins with a capital letter and has at least two characters; `RT`, which
    begins a repeated tweet, does not count. Nor do names of other users and links.
    """
    for start, token in enumerate(tokens):
        if token.startswith("#") and len(token) > 1:
            yield start, start + 1
        for end in range(start + 1, min(start + longest, len(tokens)) + 1):
            if not _capitalised(tokens[end - 1]):
                break
            yield start, end


def _capitalised(token: str) -> bool:
    return len(token) > 1 and token[0].isupper() and token != "RT"


def _tagged(path: Path, posts: Iterable[Post]) -> dict[str, list[tuple[int, int]]]:
    lengths = {post.post: len(post.tokens) for post in posts}
    spans: dict[str, list[tuple[int, int]]] = {}
    wrong: Counter[str] = Counter()
    columns = read_table(path, TAGGED, "tag_posts").to_pydict()
    for post, start, end, _ in zip(*columns.values(), strict=True):
        if post not in lengths:
            wrong[f"post {post!r}, which is not in the table of posts"] += 1
        elif not 0 <= start < end <= lengths[post]:
            wrong[f"post {post!r}, which has no tokens {start} to {end}"] += 1
        spans.setdefault(post, []).append((start, end))
    if wrong:
        raise PipelineError(
            f"{path}: has spans of other posts, {wrong.total()} in all, e.g. of"
            f" {next(iter(wrong))}; run `dvc repro tag_posts`"
        )
    return spans
