"""Reading the CoNLL files of the Twitter2015 family.

A post is an `IMGID:<id>` line, then a `token<TAB>label` line for each token, then an empty line
(the last post of a file may lack it). The reader takes as it stands what such files really hold:
a byte order mark, CRLF, tokens of nothing but a no-break space or an invisible mark (so lines
are never stripped of white space), ids of any spelling (`O_1926`, `16_05_01_66`: strings), a bare
`IMGID:` (a post without an image), posts of any length, posts without an entity.

A file without any IMGID line is a corpus of text alone, whose posts have no image. If one post has
the line, all must have it: a post without it is a fault, since a lost line or a stray empty line
looks so.

For each line that it cannot read, the reader yields a `Fault`, so that one reading finds all of
them; the caller must refuse the files if there is any. An IMGID line with a label, or `-DOCSTART-`,
is such a line: as a token it would cost the corpus its images, or add a post of nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.corpus.bio import refusal
from pipeline.corpus.posts import Post

HEADER = "IMGID:"
SEPARATOR = "-DOCSTART-"  # CoNLL 2003's line between documents
MENDED = "`mner lint --fix` mends it"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, order=True)
class Fault:
    """A fault of a line (counted from 1; 0 for the whole file), and what to do about it."""

    path: Path
    line: int
    text: str

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else str(self.path)
        return f"{where}: {self.text}"


@dataclass
class _Block:
    """The lines of one post; its header is lost if it may be a line that is not text."""

    line: int
    header: str | None
    lost_header: bool = False
    rows: list[tuple[int, str | Fault]] = field(default_factory=list)


def read_conll(path: Path, split: str, accepted: Mapping[str, str]) -> Iterator[Post | Fault]:
    """Yield the posts of one file, and a `Fault` for all that is no post.

    Args:
        path: the file.
        split: the name of the split, with which the id of each post begins.
        accepted: each label that may occur -> the label that it becomes (`accepted_labels`).
    """
    try:
        yield from read_lines(_lines(path), path, split, accepted)
    except OSError as error:
        yield Fault(path, 0, f"cannot be read: {error.strerror}")


def read_lines(
    lines: Iterable[tuple[int, str | Fault]], path: Path, split: str, accepted: Mapping[str, str]
) -> Iterator[Post | Fault]:
    """Read numbered lines, without their ends, as `read_conll` reads those of the file `path`."""
    posts, images, blocks = 0, 0, 0
    bare: list[int] = []  # where posts without an IMGID line begin
    for block in _blocks(lines):
        blocks += 1
        images += block.header is not None
        if block.header is None and not block.lost_header:
            bare.append(block.line)
        headed = block.header is not None
        rows = [_row(path, number, row, accepted, headed) for number, row in block.rows]
        faults = [row for row in rows if isinstance(row, Fault)]
        if not rows:
            yield Fault(path, block.line, "an IMGID line without tokens; remove it")
        elif faults or block.lost_header:
            yield from faults
        else:
            tokens, labels = zip(*(row for row in rows if isinstance(row, tuple)), strict=True)
            image = (block.header or "").removeprefix(HEADER).strip() or None
            yield Post(f"{split}/{posts}", split, image, tokens, labels, block.line)
            posts += 1
    if not blocks:
        yield Fault(path, 0, f"no post in it; split {split!r} needs at least one")
    if images:
        missing = "a post without an IMGID line, while others have one; add it (a bare `IMGID:`"
        missing += " where there is no image), or remove the empty line before it"
        yield from (Fault(path, line, missing) for line in bare)


def _lines(path: Path) -> Iterator[tuple[int, str | Fault]]:
    """Yield each line with its number: its text without line end, or why it is not text."""
    end = 0
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            start, end = end, end + len(raw)
            if number == 1 and raw.startswith(BYTE_ORDER_MARK):
                raw = raw.removeprefix(BYTE_ORDER_MARK)
                start += len(BYTE_ORDER_MARK)
            try:
                yield number, raw.rstrip(b"\r\n").decode()
            except UnicodeDecodeError as error:
                at = start + error.start
                byte = f"byte {at} of the file, 0x{raw[error.start]:02x}"
                yield number, Fault(path, number, f"{byte}, is not UTF-8; save the file as UTF-8")


def _blocks(lines: Iterable[tuple[int, str | Fault]]) -> Iterator[_Block]:
    """Group lines into posts: an IMGID line begins a post, an empty or IMGID line ends it."""
    block: _Block | None = None
    for number, line in lines:
        header = isinstance(line, str) and line.startswith(HEADER) and "\t" not in line
        if header or line == "":
            if block:
                yield block
            block = _Block(number, str(line)) if header else None
        else:
            # such a line may have been the header, so that its absence is no second fault
            lost = isinstance(line, Fault) or line.startswith((HEADER, SEPARATOR))
            block = block or _Block(number, None, lost_header=lost)
            block.rows.append((number, line))
    if block:
        yield block


def _row(
    path: Path, number: int, line: str | Fault, accepted: Mapping[str, str], headed: bool
) -> tuple[str, str] | Fault:
    """The token and the label of a line, or its fault; `headed`: its post has an IMGID line."""
    if isinstance(line, Fault):
        return line
    if line.startswith(SEPARATOR):
        return Fault(path, number, f"{SEPARATOR} separates documents and is no token; {MENDED}")
    if line.startswith(HEADER) and not headed:
        text = f"more than an id in the IMGID line {_short(line)}; {MENDED}"
        return Fault(path, number, text)
    fields = line.split("\t")
    if len(fields) == 2 and fields[0] and fields[1] in accepted:
        return fields[0], accepted[fields[1]]
    return Fault(path, number, _wrong(line, fields, accepted))


def _wrong(line: str, fields: list[str], accepted: Mapping[str, str]) -> str:
    if not line.strip(" "):
        return "a line of spaces alone; empty it to end the post, or remove it"
    if len(fields) == 1:
        return f"no tab between token and label in {_short(line)}; expected token<TAB>label"
    if len(fields) > 2:
        return f"{len(fields) - 1} tabs in {_short(line)}; expected token<TAB>label"
    if not fields[0]:
        return f"no token before the tab in {_short(line)}; expected token<TAB>label"
    if not fields[1]:
        return f"no label after the tab in {_short(line)}; expected token<TAB>label"
    return refusal(fields[1], accepted)


def _short(line: str) -> str:
    return repr(line if len(line) <= 60 else line[:60] + "…")
