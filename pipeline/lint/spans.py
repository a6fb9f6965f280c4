"""JSON lines with spans, as newer corpora come, into the lines of CoNLL.

A line is an object with `tokens`, or with `text`, which is cut at white space; with `labels`, a
label for each token, or with `spans`; and maybe with `image`. A span has `start`, `end` (exclusive)
and `type` or `label`, or is a list of these three. It counts tokens where there are `tokens`, and
else characters; a border within a word cuts the word.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from pipeline.corpus.bio import OUTSIDE
from pipeline.corpus.conll import HEADER, Fault
from pipeline.corpus.pixels import SUFFIXES

MARK = "\ufeff"  # of byte order
SUFFIX = re.compile("|".join(map(re.escape, sorted(SUFFIXES))) + "$", re.IGNORECASE)
EXPECTED = "an object with `tokens` or `text`, `labels` or `spans`, and maybe `image`"


def is_json(path: Path, lines: Sequence[str]) -> bool:
    """Whether a file holds JSON lines, by its suffix or its first line."""
    if path.suffix.lower() in (".jsonl", ".ndjson", ".json"):
        return True
    first = next((line for line in lines if line.strip()), "").lstrip(MARK)
    return first.startswith("{") and first.rstrip().endswith("}") and "\t" not in first


def lines_of_json(path: Path, lines: Sequence[str]) -> Iterator[tuple[int, str | Fault]]:
    """The CoNLL lines of each post, with the number of the line that it came from."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            post = list(_post(json.loads(line.lstrip(MARK))))
            "\n".join(post).encode()  # half a surrogate pair is no text
        except (ValueError, TypeError, LookupError, OverflowError, RecursionError) as error:
            text = f"no post as JSON ({str(error)[:80]}); expected {EXPECTED}"
            yield number, Fault(path, number, text)
            continue
        yield from ((number, one) for one in [*post, ""])


def _post(tree: Any) -> Iterator[str]:
    if not isinstance(tree, dict):
        raise ValueError("no object")
    image = _image(tree.get("image"))
    spans = [_span(span) for span in tree.get("spans", [])]
    if "tokens" in tree:
        tokens = [str(token) for token in tree["tokens"]]
        places = [(at, at + 1) for at in range(len(tokens))]
    else:
        text = tree["text"]
        borders = sorted({border for start, end, _ in spans for border in (start, end)})
        places = [place for word in re.finditer(r"\S+", text) for place in _cut(word, borders)]
        tokens = [text[start:end] for start, end in places]
    labels = tree["labels"] if "labels" in tree else _labels(places, spans)
    if "labels" in tree and "spans" in tree:
        told = [_type(str(label)) for label in labels]  # in whatever scheme
        if told != [_type(label) for label in _labels(places, spans)]:
            raise ValueError("its labels and its spans differ: keep one of them")
    yield f"{HEADER}{image}"
    for token, label in zip(tokens, map(str, labels), strict=True):
        for word in (token, label):
            if not word or any(end in word for end in "\t\n\r"):
                raise ValueError(f"the token or label {word!r} does not fit into a line")
        yield f"{token}\t{label}"


def _type(label: str) -> str:
    return label.partition("-")[2]


def _image(told: Any) -> str:
    """The id of a post's image; a number is one too, 0 among them."""
    if told is None:
        return ""
    if not isinstance(told, str | int):
        raise ValueError(f"the image {told!r} is no id")
    return SUFFIX.sub("", " ".join(str(told).split()))


def _cut(word: re.Match[str], borders: Sequence[int]) -> list[tuple[int, int]]:
    """The places of a word's parts: it is cut at the borders of spans."""
    start, end = word.span()
    marks = [start, *(border for border in borders if start < border < end), end]
    return list(pairwise(marks))


def _span(span: Any) -> tuple[int, int, str]:
    if isinstance(span, dict):
        span = span["start"], span["end"], span.get("type") or span["label"]
    start, end, entity_type = span
    for border in (start, end):
        if border != int(border):
            raise ValueError(f"the border {border!r} of a span is no whole number")
    return int(start), int(end), str(entity_type)


def _labels(places: Sequence[tuple[int, int]], spans: Sequence[tuple[int, int, str]]) -> list[str]:
    labels = [OUTSIDE] * len(places)
    for start, end, entity_type in spans:
        within = [at for at, (first, last) in enumerate(places) if start <= first < last <= end]
        whole = within and (places[within[0]][0], places[within[-1]][1]) == (start, end)
        if not whole or any(labels[at] != OUTSIDE for at in within):
            raise ValueError(f"the span {start}-{end} does not hold tokens, or overlaps another")
        for at in within:
            labels[at] = f"{'I' if at != within[0] else 'B'}-{entity_type}"
    return labels
