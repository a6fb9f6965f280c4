"""What is said of one post, as an object for JSON, as CoNLL, or as spaCy and Prodigy have spans."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pipeline.corpus.conll import HEADER
from pipeline.predict.records import Fault
from pipeline.predict.tokens import Token

Format = Literal["jsonl", "conll", "spans"]


@dataclass(frozen=True)
class Entity:
    """A name: characters `start` to `end` of the text, tokens `token_start` to `token_end`.

    Ends are exclusive. `probability` is that of the span's tags in the system's distribution.
    """

    start: int
    end: int
    token_start: int
    token_end: int
    type: str
    text: str
    probability: float


@dataclass(frozen=True)
class Result:
    """The prediction for one post."""

    id: str
    text: str
    tokens: Sequence[Token]
    labels: Sequence[str]
    entities: Sequence[Entity]
    image: str | None
    note: str  # why its picture was not used, though it names one
    explained: Mapping[str, Any] | None

    @property
    def words(self) -> list[str]:
        """The tokens as texts."""
        return [self.text[token.start : token.end] for token in self.tokens]

    def to_dict(self) -> dict[str, Any]:
        """The object that a line of the output holds."""
        tree: dict[str, Any] = {
            "id": self.id,
            "text": self.text,
            "tokens": self.words,
            "labels": list(self.labels),
            "entities": [asdict(entity) for entity in self.entities],
        }
        if self.note:
            tree["note"] = self.note
        if self.explained is not None:
            tree["explained"] = self.explained
        return tree


def as_line(row: Result | Fault) -> str:
    """One line of JSON."""
    return json.dumps(row.to_dict(), ensure_ascii=False) + "\n"


def as_spans(row: Result | Fault) -> str:
    """One line of JSON with `spans`, as Prodigy reads them; there `token_end` is inclusive."""
    if isinstance(row, Fault):
        return as_line(row)
    spans = [
        {
            "start": entity.start,
            "end": entity.end,
            "token_start": entity.token_start,
            "token_end": entity.token_end - 1,
            "label": entity.type,
            "score": entity.probability,
        }
        for entity in row.entities
    ]
    tokens = [
        {
            "text": word,
            "start": token.start,
            "end": token.end,
            "id": place,
            "ws": row.text[token.end : token.end + 1].isspace(),
        }
        for place, (word, token) in enumerate(zip(row.words, row.tokens, strict=True))
    ]
    meta = {"id": row.id} | ({"note": row.note} if row.note else {})
    tree = {"text": row.text, "tokens": tokens, "spans": spans, "meta": meta}
    if row.explained is not None:
        tree["explained"] = row.explained
    return json.dumps(tree, ensure_ascii=False) + "\n"


def as_conll(row: Result | Fault) -> str:
    """A post of a CoNLL file; a fault has no place there, and gives an empty text."""
    if isinstance(row, Fault):
        return ""
    rows = [f"{word}\t{label}\n" for word, label in zip(row.words, row.labels, strict=True)]
    return "".join([f"{HEADER}{row.image or ''}\n", *rows, "\n"])


FORMATS: Mapping[Format, Callable[[Result | Fault], str]] = {
    "jsonl": as_line,
    "conll": as_conll,
    "spans": as_spans,
}
