"""A whole prediction, from a file of posts to a file of entities."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from time import monotonic

from pipeline.errors import PipelineError
from pipeline.predict.inputs import STDIN, Kind, read_rows
from pipeline.predict.posts import Images
from pipeline.predict.records import Fault, unique
from pipeline.predict.results import FORMATS, Format, Result
from pipeline.predict.tagger import Tagger
from pipeline.predict.writing import append, begin, resume, withdraw
from pipeline.progress import progress

FLUSH = 128  # rows written at a time


@dataclass(frozen=True)
class Task:
    """What is read and written."""

    source: Path  # a file, a folder, or `-`
    kind: Kind | None  # what a file is; None: its suffix says so
    output: Path | None  # None: standard output
    form: Format
    images: Images
    explained: bool
    resumes: bool  # whether an interrupted output is gone on with


def run(task: Task, load: Callable[[], Tagger], say: Callable[[str], None]) -> str:
    """Predict every row of a source; a report for the terminal.

    Args:
        task: what is read and written.
        load: loads the tagger, once the source and the output are known to be sound.
        say: is told of each row that has no place in the output.

    Raises:
        PipelineError: in one sentence, for a source or an output that cannot be used.
    """
    if task.resumes and (task.output is None or task.form == "conll"):
        raise PipelineError("--resume needs --output, and a format with a line for each row")
    total = None if task.source == STDIN else sum(1 for _ in read_rows(task.source, task.kind))
    rows, done = unique(read_rows(task.source, task.kind)), 0
    if task.output is not None:
        if task.resumes:
            rows, done = resume(task.output, rows)
        else:
            begin(task.output)
    counts = Counts()
    try:
        tagger = load()
    except PipelineError:
        if task.output is not None:
            withdraw(task.output)
        raise
    found = counts.over(tagger.stream(rows, task.images, explained=task.explained))
    texts = _texts(found, task.form, say)
    parts = _to_stdout(texts) if task.output is None else append(task.output, texts, FLUSH)
    left = None if total is None else total - done
    for _ in progress(parts, left, "posts", title="predict", weight=int):
        pass
    return f"{counts}" + (f", {done} were there already" if done else "")


class Counts:
    """Counts rows and faults as they pass, and the time since it was made."""

    def __init__(self) -> None:
        self._start = monotonic()
        self._rows = self._faults = 0

    def over(self, found: Iterable[Result | Fault]) -> Iterator[Result | Fault]:
        """Pass the rows on."""
        for row in found:
            self._rows += 1
            self._faults += isinstance(row, Fault)
            yield row

    def __str__(self) -> str:
        rate = self._rows / max(monotonic() - self._start, 1e-9)
        return f"{self._rows} posts, {self._faults} of them with an error, {rate:.3g} posts/s"


def _texts(
    found: Iterable[Result | Fault], form: Format, say: Callable[[str], None]
) -> Iterator[str]:
    """Each row as text; a fault that the form has no place for is said."""
    for row in found:
        text = FORMATS[form](row)
        if isinstance(row, Fault) and not text:
            say(f"line {row.line}: {row.error}")
        yield text


def _to_stdout(texts: Iterator[str]) -> Iterator[int]:
    """Write the texts as they come, and yield how many were written."""
    while part := list(islice(texts, FLUSH)):
        sys.stdout.buffer.write("".join(part).encode())
        sys.stdout.buffer.flush()
        yield len(part)
