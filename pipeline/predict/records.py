"""New posts as they come in, and what can be wrong with one of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from pipeline.errors import PipelineError

BREAKS = "\t\r\n"  # a line of a CoNLL file has none in its token


@dataclass(frozen=True)
class Record:
    """One post: raw text, or words that are tokens already.

    Attributes:
        id: its own, or that of its file and its place in it.
        text: the text; where words came, these joined by spaces.
        words: the tokens that came; None for raw text.
        image: the file of its picture, or the picture's id; None without one.
        line: where it stands in its file, from 1.
    """

    id: str
    text: str
    words: tuple[str, ...] | None
    image: str | None
    line: int


@dataclass(frozen=True)
class Fault:
    """A row that cannot be predicted, and why; the other rows are."""

    id: str | None
    line: int
    error: str

    def to_dict(self) -> dict[str, Any]:
        """The row's object in the output."""
        return {"id": self.id, "line": self.line, "error": self.error}


Row: TypeAlias = Record | Fault


class RowError(PipelineError):
    """What is wrong with one row."""


def parse_json(line: str, name: str, number: int) -> Row:
    """A record out of a line of JSON, or its fault; `name` and `number` as in `from_tree`."""
    try:
        tree = json.loads(line)
    except (ValueError, RecursionError) as error:
        return Fault(name, number, f"no JSON: {error}")
    return from_tree(tree, name, number)


def from_tree(tree: Any, name: str, number: int) -> Row:
    """A record out of a mapping with `text` or `tokens`, and maybe `id` and `image`; or its fault.

    Args:
        tree: the mapping.
        name: the post's id if it has none of its own.
        number: its place in the input, from 1.
    """
    if not isinstance(tree, Mapping):
        return Fault(name, number, f"expected an object with `text`, found {_kind(tree)}")
    own = tree.get("id")
    told = name
    try:
        told = name if own in (None, "") else _name(own)
        return Record(told, *_text(tree), _image(tree.get("image")), number)
    except RowError as error:
        return Fault(told, number, str(error))


def unique(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows, where one that repeats the id of an earlier one is a fault."""
    seen: set[int] = set()  # hashes: so that a million ids need little memory
    for row in rows:
        if isinstance(row, Record) and (key := hash(row.id)) in seen:
            yield Fault(row.id, row.line, f"an earlier row has the id {row.id!r} too")
        else:
            if isinstance(row, Record):
                seen.add(key)
            yield row


def _name(own: object) -> str:
    if isinstance(own, bool) or not isinstance(own, str | int):
        raise RowError(f"`id` is a text or a whole number, not {_kind(own)}")
    return _checked(str(own), "id")


def _text(tree: Mapping[str, Any]) -> tuple[str, tuple[str, ...] | None]:
    """The text, and the words if these came."""
    words, text = tree.get("tokens"), tree.get("text")
    if words is not None:
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise RowError("`tokens` is a list of texts")
        if not words or not all(words):
            raise RowError("`tokens` is empty, or has an empty token")
        if any(set(BREAKS) & set(word) for word in words):
            raise RowError("a token has a tab or a line end in it")
        return _checked(" ".join(words), "tokens"), tuple(words)
    if text is None:
        raise RowError("has no `text`")
    if not isinstance(text, str):
        raise RowError(f"`text` is a text, not {_kind(text)}")
    if not text.strip():
        raise RowError("the text is empty: there is nothing to tag")
    return _checked(text, "text"), None


def _image(image: object) -> str | None:
    if image is None or image == "":
        return None
    if not isinstance(image, str):
        raise RowError(f"`image` is a path or an id, not {_kind(image)}")
    return _checked(image, "image")


def _checked(value: str, name: str) -> str:
    """The value, unless it is no Unicode text: bytes that are no UTF-8, or half a pair in JSON."""
    if not _is_unicode(value):
        raise RowError(f"`{name}` is not Unicode text: save the file as UTF-8")
    return value


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _kind(value: object) -> str:
    kinds = {dict: "an object", list: "a list", bool: "true or false", type(None): "nothing"}
    return kinds.get(type(value), "a text" if isinstance(value, str) else "a number")
