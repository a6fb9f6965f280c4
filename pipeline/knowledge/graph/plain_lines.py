"""Lines cut into columns, without a look at each: three IRIs, or two and a literal.

Lines are cut at their first two spaces, where each part has its brackets or its quotation marks.
What stands between brackets may still be no IRI, even hold spaces or brackets, and what follows a
literal no language or datatype: who cuts lines this way has to see to that, and has the line parsed
if it is none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

NEWLINE, RETURN, SPACE, DOT, OPEN, CLOSE, UNDERSCORE, QUOTE, BACKSLASH = b'\n\r .<>_"\\'


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


class Heads:
    """The lines of a block that begin with `<...> <...> ` and end with ` .`, ready to be cut.

    `<_...>` is left to the parser: it is no IRI, but how the names of blank nodes begin.
    """

    def __init__(self, lines: Lines) -> None:
        self._block = lines.block
        self._codes = codes = np.frombuffer(lines.block, np.uint8)
        spaces = np.flatnonzero(codes == SPACE)
        first = np.searchsorted(spaces, lines.starts)  # (lines,) the first space from there on
        at = np.flatnonzero(first < len(spaces) - 1)
        starts, ends, first = lines.starts[at], lines.ends[at], first[at]
        ends -= codes[ends - 1] == RETURN
        one, two = spaces[first], spaces[first + 1]  # of this line, or else of a later one
        good = np.flatnonzero((codes[starts] == OPEN) & (two + len(b" <> .") <= ends))
        at, starts, ends, one, two = (each[good] for each in (at, starts, ends, one, two))
        good = (codes[ends - 1] == DOT) & (codes[ends - 2] == SPACE)
        good &= self._brackets(starts + 1, one - 1) & self._brackets(one + 2, two - 1)
        self._at, self._ends = at[good], ends[good]
        self._names = np.stack([starts + 1, one - 1, one + 2, two - 1], axis=1)[good]  # (n, 4)

    def links(self) -> tuple[np.ndarray, pa.DictionaryArray]:
        """The lines (n,) of three IRIs, and what stands in their brackets, line by line (3n,)."""
        opened, closed = self._names[:, 3] + 3, self._ends - 3
        good = self._brackets(opened, closed)
        bounds = np.column_stack([self._names, opened, closed])[good]  # (n, 6)
        return self._at[good], self._cut(bounds, [0, 2, 4]).dictionary_encode()

    def literals(self) -> Literals:
        """The lines of two IRIs and a literal without escapes."""
        opened = self._names[:, 3] + 3
        good = np.flatnonzero(self._codes[opened - 1] == QUOTE)
        opened, ends, at = opened[good], self._ends[good] - 2, self._at[good]
        quotes = np.append(np.flatnonzero(self._codes == QUOTE), len(self._codes))
        closed = quotes[np.searchsorted(quotes, opened)]
        escapes = np.flatnonzero((self._codes == BACKSLASH) | (self._codes == RETURN))
        plain = np.searchsorted(escapes, opened) == np.searchsorted(escapes, closed)
        plain &= closed < ends
        bounds = np.column_stack([self._names[good], opened, closed, closed + 1, ends])[plain]
        return Literals(
            at[plain],
            self._cut(bounds, [0, 2]).dictionary_encode(),
            self._cut(bounds, [4]),
            self._cut(bounds, [6]).dictionary_encode(),
        )

    def _brackets(self, opened: np.ndarray, closed: np.ndarray) -> np.ndarray:
        """Whether parts between two places (n,) have brackets about them, and do not begin `_`."""
        codes = self._codes
        good = (codes[opened - 1] == OPEN) & (codes[closed] == CLOSE)
        return np.asarray(good & (codes[opened] != UNDERSCORE))

    def _cut(self, bounds: np.ndarray, chosen: list[int]) -> pa.BinaryArray:
        """Line by line, what stands from each chosen one of ascending bounds (n, b) to the next."""
        if not len(bounds):
            return pa.array([], pa.binary())
        # Every stretch from a bound to the next is an entry of one column over the same bytes.
        ends = pa.py_buffer(np.ascontiguousarray(bounds, np.int32))
        buffers = [None, ends, pa.py_buffer(self._block)]
        stretches = pa.Array.from_buffers(pa.binary(), bounds.size - 1, buffers)
        entries = np.arange(0, bounds.size, bounds.shape[1], dtype=np.int32)[:, None] + chosen
        return stretches.take(pa.array(entries.reshape(-1).astype(np.int32)))


@dataclass(frozen=True)
class Literals:
    """Lines of a subject, a relation and a literal without escapes.

    Attributes:
        at: (n,) the lines, ascending.
        names: (2n,) what stands in the brackets of subject and relation, line by line.
        texts: (n,) what stands between quotation marks: neither one of these, nor a backslash nor
            the end of a line; whether it is UTF-8 is open.
        ends: (n,) what stands between the literal's last quotation mark and ` .`.
    """

    at: np.ndarray
    names: pa.DictionaryArray
    texts: pa.BinaryArray
    ends: pa.DictionaryArray
