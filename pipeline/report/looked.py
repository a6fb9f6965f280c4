"""What systems looked at, small enough for a page: a byte a weight, chunks of posts.

A chunk is unpacked when one of its posts is first asked for it. It maps the place of a post to a
list of `[system, kind, tokens, width, largest, data]`: the places of system and tokens, the number
of values a token, and base64 of a byte for each value, token by token; 255 stands for `largest`. A
gate with a value for each feature becomes three: its 10th percentile, mean and 90th percentile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.corpus.posts import Post
from pipeline.report.pack import coded, packed
from pipeline.report.systems import Looked

CHUNK = 32  # posts
REGIONS, WORDS, KNOWLEDGE = "region_weights", "word_weights", "knowledge_weights"

Entry = list[Any]


def looked_chunks(posts: Sequence[Post], systems: Sequence[Looked]) -> list[str]:
    """The packed chunks, one for every `CHUNK` posts in their order."""
    places = {post.post: place for place, post in enumerate(posts)}
    chunks: list[dict[int, list[Entry]]] = [{} for _ in range(0, len(posts), CHUNK)]
    for system, looked in enumerate(systems):
        for post, entry in entries(looked):
            of_post = chunks[places[post] // CHUNK].setdefault(places[post], [])
            of_post.append([system, *entry])
    return [packed(chunk) for chunk in chunks]


def entries(looked: Looked) -> Iterator[tuple[str, Entry]]:
    """Post and `[kind, tokens, width, largest, data]` of each post and kind, in their order."""
    table = looked.table
    flat, ends = _flat(table["values"].combine_chunks())
    columns = (table[name].to_pylist() for name in ("post", "kind", "token"))
    rows = list(zip(*columns, range(len(table)), strict=True))
    rows.sort(key=lambda row: (row[0], row[1], row[2]))
    for (post, kind), found in groupby(rows, key=lambda row: (row[0], row[1])):
        group = list(found)
        values = np.stack([flat[ends[at] : ends[at + 1]] for *_, at in group])  # (tokens, k)
        kept = values if _is_listed(kind, values, looked.names) else _summed_up(values)
        yield post, [kind, [token for _, _, token, _ in group], kept.shape[1], *_bytes(kept)]


def _flat(values: pa.ListArray) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    return values.flatten().to_numpy(), np.append(0, np.cumsum(values.value_lengths()))


def _is_listed(
    kind: str, values: npt.NDArray[np.float32], names: Mapping[str, Sequence[str]]
) -> bool:
    """Whether each value has a meaning of its own, so that all are shown."""
    return kind in (REGIONS, WORDS, KNOWLEDGE) or kind in names or values.shape[1] == 1


def _summed_up(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """10th percentile, mean and 90th percentile of each token's values: (tokens, 3)."""
    low, high = np.percentile(values, [10, 90], axis=1)
    return np.stack([low, values.mean(axis=1), high], axis=1).astype(np.float32)


def _bytes(values: npt.NDArray[np.float32]) -> tuple[float, str]:
    """The largest value, with four digits, and a byte for each value: its share of the largest."""
    largest = float(f"{values.max(initial=0.0):.4g}")
    shares = np.clip(values / largest, 0, 1) if largest else np.zeros_like(values)
    return largest, coded(np.rint(shares * 255).astype(np.uint8).tobytes())
