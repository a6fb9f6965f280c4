"""Reading new posts: JSON lines, CSV, CoNLL, plain text, a folder of such files, standard input.

A file is never held whole. Its suffix says what it is:

- `.jsonl`, `.ndjson`, `.json`: JSON lines, objects with `text` or `tokens`, maybe `image` and `id`;
- `.csv`: a header with `text`, and maybe `image` and `id`;
- `.conll`, `.bio`: CoNLL as the corpora are; the labels are not read;
- `.txt`: CoNLL if its first line is an IMGID line or has a tab, else a post in each line.

In a folder, a `.txt` file that is no CoNLL is one post, whose picture lies beside it under the same
name. Standard input is JSON lines.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Mapping
from io import TextIOWrapper
from pathlib import Path
from typing import Literal, TextIO, get_args

from pipeline.corpus.bio import OUTSIDE
from pipeline.corpus.conll import HEADER, read_conll
from pipeline.corpus.conll import Fault as BadLine
from pipeline.corpus.pixels import DECODED
from pipeline.errors import PipelineError
from pipeline.predict.records import Fault, Record, Row, from_tree, parse_json

Kind = Literal["jsonl", "csv", "conll", "text"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SUFFIXES: Mapping[str, Kind] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".conll": "conll",
    ".bio": "conll",
    ".txt": "text",
}
STDIN = Path("-")
COLUMN = "text"


def read_rows(source: Path, kind: Kind | None = None) -> Iterator[Row]:
    """The posts of a file, a folder or, for `-`, of standard input.

    Args:
        source: where they are.
        kind: what a file is; None: its suffix says so.

    Raises:
        PipelineError: in one sentence, if there is nothing to read, or a CSV has no such column.
    """
    if source == STDIN:
        name = "stdin"
        yield from _of_kind(Path("/dev/stdin"), kind or "jsonl", name)
    elif source.is_dir():
        yield from _of_folder(source)
    else:
        yield from _of_kind(source, kind or _kind_of(source), source.stem)


def _kind_of(path: Path) -> Kind:
    if not path.is_file():
        raise PipelineError(f"{path}: no such file or folder")
    kind = SUFFIXES.get(path.suffix.lower())
    if kind is None:
        known = ", ".join(SUFFIXES)
        raise PipelineError(
            f"{path}: its suffix does not say what it is (known: {known}); say it by --from"
        )
    return "conll" if kind == "text" and _is_conll(path) else kind


def _is_conll(path: Path) -> bool:
    with _opened(path) as file:
        first = file.readline()
    return first.startswith(HEADER) or "\t" in first


def _of_folder(folder: Path) -> Iterator[Row]:
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES]
    paths = [path for path in paths if path.is_file() and not path.name.startswith(".")]
    if not paths:
        raise PipelineError(f"{folder}: has no file of posts ({', '.join(SUFFIXES)})")
    for path in paths:
        name = path.relative_to(folder).with_suffix("").as_posix()
        kind = _kind_of(path)
        if kind == "text":
            yield _whole(path, name)
        else:
            yield from _of_kind(path, kind, name)


def _whole(path: Path, name: str) -> Row:
    """A file that is one post."""
    with _opened(path) as file:
        text = file.read()
    pictures = [path.with_suffix(suffix) for suffix in DECODED]
    image = next((str(picture) for picture in pictures if picture.is_file()), None)
    return from_tree({"text": text, "image": image and str(Path(image).resolve())}, name, 1)


def _of_kind(path: Path, kind: Kind, name: str) -> Iterator[Row]:
    match kind:
        case "conll":
            yield from _conll(path, name)
        case "csv":
            yield from _csv(path, name)
        case _:
            yield from _lines(path, kind, name)


def _lines(path: Path, kind: Kind, name: str) -> Iterator[Row]:
    """A post in each line; an empty line of JSON lines is none."""
    with _opened(path) as file:
        for number, line in enumerate(file, 1):
            place = f"{name}/{number - 1}"
            if kind == "text":
                yield from_tree({"text": line.rstrip("\r\n")}, place, number)
            elif line.strip():
                yield parse_json(line, place, number)


def _csv(path: Path, name: str) -> Iterator[Row]:
    with _opened(path) as file:
        rows = csv.DictReader(file)
        try:
            header = rows.fieldnames or []
        except csv.Error as error:
            raise PipelineError(f"{path}: its header is no row of CSV: {error}") from None
        if COLUMN not in header:
            raise PipelineError(
                f"{path}: has no column {COLUMN!r}, only {', '.join(header) or 'nothing'}"
            )
        number = 0
        while True:
            number += 1
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                yield Fault(f"{name}/{number - 1}", number, f"no row of CSV: {error}")
                continue
            if None in row:
                yield Fault(
                    f"{name}/{number - 1}",
                    number,
                    "has more fields than the header: quote its commas",
                )
            else:
                yield from_tree(row, f"{name}/{number - 1}", number)


class _AnyLabel(Mapping[str, str]):
    """Accepts every label, since none is read."""

    def __getitem__(self, label: str) -> str:
        return OUTSIDE

    def __contains__(self, label: object) -> bool:
        return bool(label)

    def __iter__(self) -> Iterator[str]:
        return iter((OUTSIDE,))

    def __len__(self) -> int:
        return 1


def _conll(path: Path, name: str) -> Iterator[Row]:
    """The posts of a corpus's file, with the ids that the stage `prepare` gives them."""
    for found in read_conll(path, name, _AnyLabel()):
        if isinstance(found, BadLine):
            yield Fault(None, found.line, found.text)
        else:
            words = found.tokens
            yield Record(found.post, " ".join(words), words, found.image, found.line)


def _opened(path: Path) -> TextIO:
    """The file as text, line ends as they are; a byte that is no UTF-8 makes its row a fault."""
    try:
        if path == Path("/dev/stdin"):
            return TextIOWrapper(sys.stdin.buffer, "utf-8-sig", "surrogateescape", "\n")
        return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="\n")
    except OSError as error:
        raise PipelineError(f"{path}: cannot be read: {error.strerror}") from None
