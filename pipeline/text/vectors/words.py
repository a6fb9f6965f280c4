"""Pretrained word vectors of the words in use: one small table for each source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

import numpy as np
import pyarrow as pa

from pipeline.corpus.normalize import normalize
from pipeline.corpus.posts import SPLITS, Post, read_posts
from pipeline.params.vectors import Vectors, VectorSource
from pipeline.params.vocab import Normalize
from pipeline.tables.parquet import check_columns, read_table, write_table
from pipeline.text.vectors.files import Rows
from pipeline.text.vectors.package import read_package
from pipeline.text.vectors.text import read_text
from pipeline.text.vectors.word2vec import read_word2vec
from pipeline.text.vocab import SPECIALS, Vocabulary


@dataclass(frozen=True)
class WordVectors:
    """The vectors of one source for n words in use, which are sorted."""

    words: tuple[str, ...]
    found: np.ndarray  # (n,) bool
    matrix: np.ndarray  # (n, width) float32, zeros where not found


@dataclass(frozen=True)
class Report:
    """The share of the words in use that a source has."""

    rows: int  # the source has so many
    words: int  # in use
    found: int
    in_other_form: int  # found only lower-cased or without their #
    duplicates: int  # further rows of words in use, which are ignored
    not_utf8: int  # rows whose words are not UTF-8, which are ignored
    coverage: dict[str, tuple[int, int]]  # split -> tokens whose word is found, tokens

    def __str__(self) -> str:
        have = sum(found for found, _ in self.coverage.values())
        total = sum(tokens for _, tokens in self.coverage.values())
        splits = (f"{split} {_share(*counts)}" for split, counts in self.coverage.items())
        lines = [
            f"{self.found} of {self.words} words in use found ({_share(self.found, self.words)}),"
            f" {self.in_other_form} of them in another form, among {self.rows} rows",
            f"tokens covered: {_share(have, total)} ({', '.join(splits)})",
        ]
        if self.duplicates:
            lines.append(f"{self.duplicates} rows repeat a word in use: the first counts")
        if self.not_utf8:
            lines.append(f"{self.not_utf8} rows whose words are not UTF-8: left aside")
        return "\n".join(lines)


def build_vectors(
    params: Vectors, source: VectorSource, posts_path: Path, vocab: Path, table: Path
) -> Report:
    """Keep, of one source, the vectors of the words in use.

    The words in use are those of the vocabulary and those of the posts of `params.splits`, in the
    vocabulary's normal form. Each is looked up as it stands and, if asked, in lower case then.

    Args:
        params: the block.
        source: one of its sources.
        posts_path: the table of posts.
        vocab: the folder of the vocabularies.
        table: written: word, found, vector, sorted by word.

    Raises:
        PipelineError: if the source cannot be read as what it is said to be, or has no word.
    """
    vocabulary = Vocabulary.read(vocab / "words.parquet")
    posts = [post for post in read_posts(posts_path) if post.split in params.splits]
    tokens = _words_by_split(posts, vocabulary.normalization)
    in_use = set(vocabulary.entries).union(*tokens.values()) - set(SPECIALS)
    return keep_vectors(params, source, in_use, tokens, table)


def keep_vectors(
    params: Vectors,
    source: VectorSource,
    in_use: Collection[str],
    counts: Mapping[str, Mapping[str, int]],
    table: Path,
    *,
    may_lack_all: bool = False,
) -> Report:
    """Write the vectors that one source has of the words `in_use`, in normal form.

    Args:
        params: whether words are looked up in other forms too.
        source: one of its sources.
        in_use: the words.
        counts: how often each word occurs in each part of the corpus, for the report.
        table: written.
        may_lack_all: whether the words are so few that a source may have none of them.

    Raises:
        PipelineError: as `build_vectors`.
    """

    def read(wanted: Collection[str]) -> Rows:
        return _read(source, wanted)

    rows, vectors, in_other_form = look_up(params, in_use, read)
    if in_use and not may_lack_all and not vectors.found.any():
        rows.refuse(f"has none of the {len(in_use)} words in use; is it the right source?", "")
    _write(vectors, table)
    found = {word for word, has in zip(vectors.words, vectors.found, strict=True) if has}
    return Report(
        rows=rows.count,
        words=len(vectors.words),
        found=len(found),
        in_other_form=in_other_form,
        duplicates=rows.duplicates,
        not_utf8=rows.not_utf8,
        coverage={part: _covered(words, found) for part, words in counts.items()},
    )


def read_vectors(path: Path) -> WordVectors:
    """Read a table that `build_vectors` wrote.

    Raises:
        PipelineError: if the file is missing, damaged, or no table of vectors.
    """
    table = read_table(path, None, "vectors")
    kept = table.schema.field("vector").type if "vector" in table.schema.names else None
    width = kept.list_size if isinstance(kept, pa.FixedSizeListType) else 1
    check_columns(path, table.schema, _schema(width), "vectors")
    flat = table["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return WordVectors(
        tuple(table["word"].to_pylist()),
        table["found"].to_numpy(),
        flat.reshape(-1, width),
    )


def _words_by_split(posts: Sequence[Post], normalization: Normalize) -> dict[str, Counter[str]]:
    """How often each word occurs in each split that `posts` have."""
    forms = {token: "" for post in posts for token in post.tokens}
    forms = {token: normalize(token, normalization) for token in forms}
    words = {split: Counter[str]() for split in SPLITS}
    for post in posts:
        words[post.split].update(forms[token] for token in post.tokens)
    return {split: counts for split, counts in words.items() if counts}


def _read(source: VectorSource, wanted: Collection[str]) -> Rows:
    path, width = Path(source.path), source.width
    match source.kind:
        case "text":
            return read_text(path, width, wanted)
        case "word2vec":
            return read_word2vec(path, width, wanted)
        case "package":
            return read_package(source.package or "", width, wanted)
        case _:
            assert_never(source.kind)


def _forms(word: str, params: Vectors) -> list[str]:
    """The forms in which `word` is looked up; the first that is found counts."""
    forms = [word]
    if params.hashtag_fallback and len(word) > 1 and word.startswith("#"):
        forms.append(word[1:])
    if params.lowercase_fallback:
        forms += [form.lower() for form in forms]
    return forms


def look_up(
    params: Vectors, in_use: Collection[str], read: Callable[[Collection[str]], Rows]
) -> tuple[Rows, WordVectors, int]:
    """Look words in normal form up in one source, each in all the forms that `params` ask for.

    Args:
        params: the block.
        in_use: the words.
        read: reads the rows that the source has of some forms.

    Returns:
        The rows read, the vector of each word, and how many words were found in another form than
        their own.
    """
    forms = {word: _forms(word, params) for word in sorted(in_use)}
    source = read({form for tried in forms.values() for form in tried})
    found = np.zeros(len(forms), dtype=bool)
    matrix = np.zeros((len(forms), source.width), dtype=np.float32)
    in_other_form = 0
    for at, (word, tried) in enumerate(forms.items()):
        form = next((form for form in tried if form in source.vectors), None)
        if form is not None:
            found[at], matrix[at] = True, source.vectors[form]
            in_other_form += form != word
    return source, WordVectors(tuple(forms), found, matrix), in_other_form


def _covered(words: Mapping[str, int], found: Collection[str]) -> tuple[int, int]:
    return sum(n for word, n in words.items() if word in found), sum(words.values())


def _schema(width: int) -> pa.Schema:
    element = pa.field("element", pa.float32(), nullable=False)
    return pa.schema(
        [
            pa.field("word", pa.string(), nullable=False),
            pa.field("found", pa.bool_(), nullable=False),
            pa.field("vector", pa.list_(element, width), nullable=False),
        ]
    )


def _write(vectors: WordVectors, path: Path) -> None:
    schema = _schema(vectors.matrix.shape[1])
    flat = pa.array(vectors.matrix.ravel(), pa.float32())
    columns = [
        pa.array(vectors.words, pa.string()),
        pa.array(vectors.found, pa.bool_()),
        pa.FixedSizeListArray.from_arrays(flat, type=schema.field("vector").type),
    ]
    write_table(pa.Table.from_arrays(columns, schema=schema), path)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "none"
