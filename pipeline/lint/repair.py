"""Write a repaired copy of a corpus, and a diff that leads to it; the corpus itself stays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from pipeline.corpus.conll import Fault
from pipeline.errors import PipelineError
from pipeline.files import write_bytes
from pipeline.lint.check import Report
from pipeline.lint.layout import Layout

DIFF = "changes.diff"
UNENDED = "\\ No newline at end of file"


def repair(report: Report, folder: Path) -> dict[str, Path]:
    """Write each split into `folder`, in the layout and scheme that are read, and `changes.diff`.

    A line that no rule mends stands in the copy as it was.

    Returns:
        Split -> the file written.

    Raises:
        PipelineError: if the folder is not empty, or cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise PipelineError(f"{folder}: not an empty folder; a repaired copy goes into a new one")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PipelineError(f"{folder}: no folder can be made there: {error.strerror}") from None
    written, diff = {}, []
    for split, path in report.files.items():
        layout = report.layouts[split]
        json = any(change.kind == "json" for change in layout.changes)
        written[split] = folder / (f"{path.stem}.txt" if json else path.name)
        lines = [line for _, line in _texts(layout)]
        end = "\n" if layout.newline else ""
        write_bytes(written[split], _bytes("\n".join(lines) + end))
        hunks = list(difference(layout))
        if hunks:
            diff += [f"--- a/{path.name}", f"+++ b/{written[split].name}", *hunks]
    write_bytes(folder / DIFF, _bytes("".join(f"{line}\n" for line in diff)))
    return written


def difference(layout: Layout) -> Iterator[str]:
    """The lines of a unified diff without context, in a time linear in the lines."""
    became = {n: [text for _, text in some] for n, some in groupby(_texts(layout), lambda x: x[0])}
    shift = 0  # the copy has so many more lines so far
    numbers = (n for n, line in enumerate(layout.found, 1) if became.get(n, []) != [line])
    for start, run in _runs(numbers):
        old = layout.found[start - 1 : start - 1 + run]
        new = [line for n in range(start, start + run) for line in became.get(n, [])]
        first = start + shift - (not new)  # of no line, a diff names the one before
        last = not layout.newline and start + run > len(layout.found)
        yield f"@@ -{start},{run} +{first},{len(new)} @@"
        yield from (f"-{line}" for line in old)
        yield from [UNENDED] * last
        yield from (f"+{line}" for line in new)
        yield from [UNENDED] * (last and bool(new))
        shift += len(new) - run


def _runs(numbers: Iterator[int]) -> Iterator[tuple[int, int]]:
    """First number and length of each run of consecutive numbers."""
    for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        members = [number for _, number in run]
        yield members[0], len(members)


def _texts(layout: Layout) -> Sequence[tuple[int, str]]:
    """The lines of the copy; one that cannot be read is the one that was found."""
    return [
        (number, layout.found[number - 1] if isinstance(line, Fault) else line)
        for number, line in layout.lines
    ]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
