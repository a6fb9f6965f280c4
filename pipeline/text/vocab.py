"""Word, character and label vocabularies: the meaning of a system's embedding rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from pipeline.corpus.bio import OUTSIDE
from pipeline.corpus.normalize import PADDING, UNKNOWN, normalize
from pipeline.corpus.posts import Post, read_posts
from pipeline.errors import PipelineError
from pipeline.params.vocab import Normalize, Vocab
from pipeline.tables.parquet import read_table, write_table

SPECIALS = (PADDING, UNKNOWN)  # ids 0 and 1 of words and characters; labels have none
NORMALIZATION = b"normalization"  # key in the metadata of words.parquet
SCHEMA = pa.schema(
    [
        pa.field("id", pa.int32(), nullable=False),
        pa.field("entry", pa.string(), nullable=False),
        pa.field("count", pa.int64(), nullable=False),
    ]
)


@dataclass(frozen=True)
class Vocabulary:
    """Entries by id; one of words or characters begins with `<pad>` and `<unk>`."""

    entries: tuple[str, ...]
    source: Path  # the file it was read from, for messages
    word_form: Normalize | None = None  # a vocabulary of words has one

    def __len__(self) -> int:
        return len(self.entries)

    @cached_property
    def _ids(self) -> dict[str, int]:
        ids = {entry: row for row, entry in enumerate(self.entries)}
        if PADDING in ids:  # a word that is looked up is never padding
            ids[PADDING] = ids[UNKNOWN]
        return ids

    def id(self, entry: str, where: str = "") -> int:
        """The id of `entry`, or that of `<unk>`.

        Raises:
            PipelineError: for an unknown entry of a vocabulary without `<unk>` (labels); it names
                `where` the entry was met, such as the post.
        """
        found = self._ids.get(entry, self._ids.get(UNKNOWN))
        if found is None:
            raise PipelineError(
                f"{where or self.source}: {entry!r} is not in {self.source}"
                f" ({', '.join(self.entries)}); run `dvc repro vocab`"
            )
        return found

    @property
    def normalization(self) -> Normalize:
        """The form in which these words are looked up.

        Raises:
            PipelineError: if this is no vocabulary of words.
        """
        if self.word_form is None:
            raise PipelineError(f"{self.source}: holds no word normalisation; it is not of words")
        return self.word_form

    @classmethod
    def read(cls, path: Path) -> Vocabulary:
        """Read a vocabulary that `build_vocab` wrote.

        Raises:
            PipelineError: if the file is missing, damaged, or no vocabulary.
        """
        table = read_table(path, SCHEMA, "vocab")
        entries = tuple(table["entry"].to_pylist())
        in_order = table["id"].to_pylist() == list(range(len(entries)))
        if not in_order or len(set(entries)) != len(entries):
            raise PipelineError(f"{path}: ids or entries are not unique; run `dvc repro vocab`")
        stored = (table.schema.metadata or {}).get(NORMALIZATION)
        word_form = Normalize(**json.loads(stored)) if stored else None
        return cls(entries, path, word_form)


@dataclass(frozen=True)
class Report:
    """The sizes of the vocabularies, specials included."""

    splits: tuple[str, ...]
    posts: int
    words: int
    chars: int
    labels: tuple[str, ...]
    rare: int  # tokens whose words fell below the smallest count

    def __str__(self) -> str:
        return (
            f"{self.words} words ({self.rare} tokens of rarer ones are unknown), {self.chars}"
            f" characters, {len(self.labels)} labels ({', '.join(self.labels)}),"
            f" from {self.posts} posts of {', '.join(self.splits)}"
        )


def build_vocab(params: Vocab, types: Collection[str], posts_path: Path, directory: Path) -> Report:
    """Write `words.parquet`, `chars.parquet` and `labels.parquet` into `directory`.

    Words are the normal forms of tokens; characters are those of the tokens as they stand. Both
    stand in the order of their counts, the most frequent first, ties in code point order. Labels
    are `O`, then `B-T` and `I-T` for each type T in order, whether they occur or not: an entity of
    a type that test alone has is one that every system misses.

    The count of `<unk>` is the number of tokens whose words are left out.

    Args:
        params: the block; its normalisation is kept in the metadata of `words.parquet`.
        types: the entity types of the posts.
        posts_path: the table of posts.
        directory: the folder for the three files.

    Raises:
        PipelineError: if the splits have no post, or no word is frequent enough.
    """
    splits, min_count = params.splits, params.min_count
    normalization = params.normalize
    posts = [post for post in read_posts(posts_path) if post.split in splits]
    if not posts:
        raise PipelineError(f"{posts_path}: no post of vocab.splits ({', '.join(splits)})")
    tokens = Counter(token for post in posts for token in post.tokens)
    words, chars = Counter[str](), Counter[str]()
    for token, count in tokens.items():
        words[normalize(token, normalization)] += count
        for character in token:
            chars[character] += count
    kept = {word: n for word, n in words.items() if n >= min_count and word not in SPECIALS}
    if not kept:
        raise PipelineError(
            f"vocab.min_count is {min_count}, but the most frequent word of"
            f" {', '.join(splits)} occurs {max(words.values())} times; lower it"
        )
    rare = words.total() - sum(kept.values())
    labels = _labels(posts, types)
    metadata = {NORMALIZATION: json.dumps(normalization.model_dump(), sort_keys=True).encode()}
    _write(directory / "words.parquet", _specials(rare) + _by_count(kept), metadata)
    _write(directory / "chars.parquet", _specials(0) + _by_count(chars), {})
    _write(directory / "labels.parquet", labels, {})
    names = tuple(label for label, _ in labels)
    return Report(
        tuple(splits),
        len(posts),
        len(kept) + len(SPECIALS),
        len(chars) + len(SPECIALS),
        names,
        rare,
    )


def _labels(posts: Sequence[Post], types: Collection[str]) -> list[tuple[str, int]]:
    counts = Counter(label for post in posts for label in post.labels)
    inside = [f"{prefix}-{entity_type}" for entity_type in sorted(types) for prefix in "BI"]
    return [(label, counts[label]) for label in [OUTSIDE, *inside]]


def _specials(rare: int) -> list[tuple[str, int]]:
    return [(PADDING, 0), (UNKNOWN, rare)]


def _by_count(counts: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _write(path: Path, rows: Sequence[tuple[str, int]], metadata: dict[bytes, bytes]) -> None:
    entries, counts = zip(*rows, strict=True)
    columns = {"id": list(range(len(rows))), "entry": entries, "count": counts}
    write_table(pa.table(columns, SCHEMA.with_metadata(metadata)), path)
