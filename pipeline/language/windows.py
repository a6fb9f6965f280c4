"""Posts as windows of pieces, and the window from which each word is taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from pipeline.language.pieces import Pieces

ENDLESS = 1 << 30  # inside a post's own end, a word stands as far from the border as can be


@dataclass(frozen=True)
class Window:
    """What the network reads at once.

    Attributes:
        ids: the pieces with the special ones around them, by number.
        taken: the words that are taken from here: word -> its first piece, and the one behind its
            last, counted in `ids`.
    """

    ids: tuple[int, ...]
    taken: dict[int, tuple[int, int]]


def windows(
    words: Sequence[str], pieces: Pieces, window: int, overlap: int, first: bool
) -> list[Window]:
    """Cut a post into windows; each word with a piece is taken from one of them.

    A word is taken from the window that holds most of its pieces, of several from the one where it
    stands most inside: farthest from a border behind which the post goes on. Of a word that no
    window holds whole, the pieces in that window stand for it.

    Args:
        words: the post.
        pieces: the tokenizer.
        window: the most pieces of a window, special ones included.
        overlap: how many pieces two neighbours share.
        first: whether a word's first piece alone stands for it.
    """
    found = [pieces.of(word) for word in words]
    ends = [0, *accumulate(map(len, found))]
    stream = [piece for one in found for piece in one]
    room = window - len(pieces.before) - len(pieces.after)
    spans = _spans(len(stream), room, overlap)
    taken: list[dict[int, tuple[int, int]]] = [{} for _ in spans]
    for word in range(len(words)):
        start, stop = ends[word], ends[word + 1]
        if start == stop:
            continue
        if first:
            stop = start + 1
        at = max(range(len(spans)), key=lambda at: _inside(start, stop, spans[at], len(stream)))
        left, right = spans[at]
        shift = len(pieces.before) - left
        taken[at][word] = max(start, left) + shift, min(stop, right) + shift
    return [
        Window((*pieces.before, *stream[start:stop], *pieces.after), words_here)
        for (start, stop), words_here in zip(spans, taken, strict=True)
    ]


def _spans(count: int, room: int, overlap: int) -> list[tuple[int, int]]:
    """Where each window begins and ends among the pieces; the last one is as long as the others."""
    if count <= room:
        return [(0, count)]
    starts = [*range(0, count - room, room - overlap), count - room]
    return [(start, start + room) for start in starts]


def _inside(start: int, stop: int, span: tuple[int, int], count: int) -> tuple[int, int]:
    """How many pieces of a word lie in a window, and how far from its nearer border."""
    left, right = span
    held = min(stop, right) - max(start, left)
    before = start - left if left else ENDLESS
    behind = right - stop if right < count else ENDLESS
    return held, min(before, behind)
