"""Tables of phrases: words that go with an image, with a post, or with one of a post's tokens.

Captions, the words of hashtags, image attributes and image knowledge have this form. A row has

| column | type | what it holds |
|---|---|---|
| `key` | string | the image, post or token that the words go with |
| `words` | list<string> | empty if something was looked for and nothing found |
| `weights` | list<float32> | one for each word: a probability, or 1 if all words count alike |

and further columns of its stage. The metadata of the schema hold `keyed_by` (a key is the sha256 of
an `image`, a `post`, or a `token` as spelled in the posts), `fingerprint` (a digest of what the
words were made from) and `facts` (the same for a reader, in words, as JSON: which network, which
graph). A key may stand in several rows: their words, one after the other, are its phrase.

`features/tags.parquet` is read as such a table too, keyed by image: the names of an image's classes
with their probabilities; its fact is the network. A name of several words ("great white shark")
gives each of them an equal share of its probability, so that a weighted mean over the words is one
over the names.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import pyarrow as pa

from pipeline.errors import PipelineError
from pipeline.fingerprint import Fingerprint
from pipeline.tables import image_words
from pipeline.tables.parquet import check_columns, read_table, write_table

KeyedBy = Literal["image", "post", "token"]
STAGES = {"captions": "caption"}  # the stages whose tables have another name
KEYED_BY, FINGERPRINT, FACTS = b"keyed_by", b"fingerprint", b"facts"  # keys of the metadata

SCHEMA = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("words", pa.list_(pa.field("element", pa.string(), nullable=False))),
        pa.field("weights", pa.list_(pa.field("element", pa.float32(), nullable=False))),
    ]
)


@dataclass(frozen=True)
class WeightedWords:
    """The words of one phrase as they were written, and a weight for each."""

    words: tuple[str, ...]
    weights: tuple[float, ...]

    def __add__(self, other: WeightedWords) -> WeightedWords:
        return WeightedWords(self.words + other.words, self.weights + other.weights)


NONE = WeightedWords((), ())


@dataclass(frozen=True)
class PhraseTable:
    """The phrases of one table."""

    path: Path  # for messages
    keyed_by: KeyedBy
    fingerprint: str  # a digest of what the words were made from
    facts: Mapping[str, str]  # what a reader must know of it, e.g. backbone -> its name
    rows: Mapping[str, WeightedWords]


def plain(words: Sequence[str]) -> WeightedWords:
    """A phrase whose words all count alike."""
    return WeightedWords(tuple(words), (1.0,) * len(words))


def write_phrases(
    path: Path,
    keyed_by: KeyedBy,
    fingerprint: str,
    rows: Sequence[tuple[str, WeightedWords]],
    further: Mapping[str, pa.Array] | None = None,
    facts: Mapping[str, str] = {},
) -> None:
    """Write a table of phrases, sorted by key; rows of one key keep their order.

    Args:
        path: where it goes.
        keyed_by: the kind of its keys.
        fingerprint: a digest of what the words were made from.
        rows: the key and the phrase of n rows.
        further: other columns with n values each, in the order of `rows`.
        facts: what a reader must know to tell two such tables apart, e.g. backbone -> its name.

    Raises:
        ValueError: for a row that `read_phrases` would refuse.
    """
    for key, phrase in rows:
        if fault := _fault(key, phrase.words, phrase.weights):
            raise ValueError(f"{path}: {key!r}: {fault}")
    order = sorted(range(len(rows)), key=lambda place: rows[place][0])
    columns = [
        [rows[place][0] for place in order],
        [list(rows[place][1].words) for place in order],
        [list(rows[place][1].weights) for place in order],
    ]
    table = pa.table(columns, SCHEMA)
    for name, column in (further or {}).items():
        table = table.append_column(name, column.take(pa.array(order, pa.int64())))
    metadata = {
        KEYED_BY: keyed_by.encode(),
        FINGERPRINT: fingerprint.encode(),
        FACTS: json.dumps(facts, sort_keys=True).encode(),
    }
    write_table(table.replace_schema_metadata(metadata), path)


def read_phrases(path: Path) -> PhraseTable:
    """Read a table that `write_phrases` wrote, or the table of image words.

    Raises:
        PipelineError: if the file is missing, damaged, no table of phrases, or has a row without
            a key, with an empty word, or with other than one finite weight >= 0 for each word.
    """
    stage = STAGES.get(path.stem, path.stem)
    table = read_table(path, None, stage)
    if table.schema.equals(image_words.SCHEMA, check_metadata=False):
        return _of_image_words(path, table)
    check_columns(path, pa.schema(list(table.schema)[: len(SCHEMA)]), SCHEMA, stage)
    metadata = table.schema.metadata or {}
    keyed_by = metadata.get(KEYED_BY, b"").decode()
    if keyed_by not in get_args(KeyedBy) or not {FINGERPRINT, FACTS} <= metadata.keys():
        raise PipelineError(
            f"{path}: does not say what its keys are and where its words come from; run `dvc repro"
            f" {stage}`"
        )
    columns = [table[name].to_pylist() for name in SCHEMA.names]
    rows: dict[str, WeightedWords] = {}
    for at, (key, words, weights) in enumerate(zip(*columns, strict=True)):
        if fault := _fault(key, words, weights):
            raise PipelineError(f"{path}: row {at}, key {key!r}: {fault}; run `dvc repro {stage}`")
        rows[key] = rows.get(key, NONE) + WeightedWords(tuple(words), tuple(weights))
    facts = json.loads(metadata[FACTS])
    return PhraseTable(path, keyed_by, metadata[FINGERPRINT].decode(), facts, rows)


def _fault(key: str, words: Sequence[str] | None, weights: Sequence[float] | None) -> str:
    """The fault of a row, or an empty string."""
    if words is None or weights is None or len(words) != len(weights):
        return "has other than one weight for each word"
    if not key or not all(word.strip() for word in words):
        return "has an empty key or word"
    if not all(math.isfinite(weight) and weight >= 0 for weight in weights):
        return "has a weight that is negative or not finite"
    return ""


def _of_image_words(path: Path, table: pa.Table) -> PhraseTable:
    """The names of classes as phrases."""
    metadata = table.schema.metadata or {}
    if image_words.FINGERPRINT not in metadata:
        raise PipelineError(
            f"{path}: does not say which network its words come from; run `dvc repro tags`"
        )
    fingerprint = Fingerprint.from_json(json.loads(metadata[image_words.FINGERPRINT]))
    rows = {
        key: of_names(names, probabilities)
        for key, names, probabilities in zip(
            table["sha256"].to_pylist(),
            table["words"].to_pylist(),
            table[image_words.PROBABILITIES].to_pylist(),
            strict=True,
        )
    }
    facts = {"backbone": fingerprint.backbone}
    return PhraseTable(path, "image", fingerprint.digest, facts, rows)


def of_names(names: Sequence[str], probabilities: Sequence[float]) -> WeightedWords:
    """The names of an image's classes as a phrase: a name's words share its probability."""
    phrase = NONE
    for name, probability in zip(names, probabilities, strict=True):
        words = tuple(name.split())
        phrase += WeightedWords(words, (probability / len(words),) * len(words))
    return phrase
