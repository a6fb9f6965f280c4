r"""Lines of three IRIs cut into columns, without a look at each: most lines of a graph are such.

A line is plain if it is `<...> <...> <...> .` and its end: cut at its first two spaces, each part
has its brackets. What stands between these may still be no IRI, even hold spaces or brackets: who
cuts lines this way has to see to that, and has the line parsed if it is none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

NEWLINE, RETURN, SPACE, DOT, OPEN, CLOSE, UNDERSCORE = b"\n\r .<>_"


@dataclass(frozen=True)
class Lines:
    """Where the lines of a block begin and end.

    Attributes:
        block: whole lines; at most 2 GiB.
        starts: (lines,) int64.
        ends: (lines,) int64, past the line's last byte and before its newline, which the last line
            may lack.
    """

    block: bytes
    starts: np.ndarray
    ends: np.ndarray

    def __len__(self) -> int:
        return len(self.starts)

    def line(self, at: int) -> bytes:
        """A line with its end."""
        return self.block[self.starts[at] : self.ends[at] + 1]

    def text(self, at: np.ndarray) -> bytes:
        """Some lines, by ascending numbers, with their ends."""
        runs = np.flatnonzero(np.diff(at, prepend=-2) != 1)  # first of consecutive lines
        lasts = np.append(runs[1:], len(at)) - 1
        firsts, ends = self.starts[at[runs]].tolist(), (self.ends[at[lasts]] + 1).tolist()
        return b"".join(self.block[s:e] for s, e in zip(firsts, ends, strict=True))


def find_lines(block: bytes) -> Lines:
    """The lines of a block."""
    ends = np.flatnonzero(np.frombuffer(block, np.uint8) == NEWLINE)
    if not block.endswith(b"\n"):
        ends = np.append(ends, len(block))
    starts = np.zeros_like(ends)
    starts[1:] = ends[:-1] + 1
    return Lines(block, starts, ends)


def cut_plain(lines: Lines) -> tuple[np.ndarray, pa.DictionaryArray]:
    """The plain lines (n,), ascending, and what stands between their brackets, line by line (3n,).

    `<_...>` is left to the parser: it is no IRI, but how the names of blank nodes begin.
    """
    codes = np.frombuffer(lines.block, np.uint8)
    spaces = np.flatnonzero(codes == SPACE)
    first = np.searchsorted(spaces, lines.starts)  # (lines,) the first space from there on
    plain = np.flatnonzero(first < len(spaces) - 1)
    starts, ends, first = lines.starts[plain], lines.ends[plain], first[plain]
    ends -= codes[ends - 1] == RETURN
    one, two = spaces[first], spaces[first + 1]  # of this line or, if it has none, of a later one
    kept = np.flatnonzero((codes[starts] == OPEN) & (two + len(b" <> .") <= ends))
    plain, starts, ends, one, two = (each[kept] for each in (plain, starts, ends, one, two))
    inner = np.stack([starts + 1, one - 1, one + 2, two - 1, two + 2, ends - 3], axis=1)  # (n, 6)
    good = (codes[ends - 1] == DOT) & (codes[ends - 2] == SPACE)
    for opened, closed in inner.T.reshape(3, 2, -1):
        good &= (codes[opened - 1] == OPEN) & (codes[closed] == CLOSE)
        good &= codes[opened] != UNDERSCORE
    return plain[good], _dictionary(lines.block, inner[good].astype(np.int32))


def _dictionary(block: bytes, bounds: np.ndarray) -> pa.DictionaryArray:
    """The distinct parts of a block between bounds (n, 6), and which one stands at each (3n,)."""
    size = bounds.size
    if not size:
        return pa.array([], pa.binary()).dictionary_encode()
    # Every stretch from a bound to the next is an entry of one column over the same bytes: by
    # turns a part, and what stands between two.
    buffers = [None, pa.py_buffer(bounds), pa.py_buffer(block)]
    stretches = pa.Array.from_buffers(pa.binary(), size - 1, buffers)
    return stretches.take(pa.array(np.arange(0, size, 2, dtype=np.int32))).dictionary_encode()
