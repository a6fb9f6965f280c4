"""The words that a trained system knows, with their first vectors.

First come the words of the vocabulary (built from train, unless params say otherwise), then every
other word of the posts and of their phrases for which a source has a pretrained vector. Any other
word is looked up as the unknown word: no vector of it was ever trained.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline.corpus.normalize import normalize
from pipeline.errors import PipelineError
from pipeline.files import read_json, write_json
from pipeline.params.block import Block, parse
from pipeline.params.vocab import Normalize
from pipeline.text.vectors.words import WordVectors, read_vectors
from pipeline.text.vocab import Vocabulary

RANDOM_WIDTH = 100  # the width of word vectors if a system names no source


class Stated(Block):
    """The JSON of a lexicon."""

    words: tuple[str, ...]
    characters: tuple[str, ...]
    tags: tuple[str, ...]
    normalization: Normalize


@dataclass(frozen=True)
class Lexicon:
    """Words, characters and tags by id; ids 0 and 1 of words and characters are specials."""

    words: tuple[str, ...]
    characters: tuple[str, ...]
    tags: tuple[str, ...]
    normalization: Normalize

    def word(self, token: str) -> str:
        """The form in which `token` is looked up."""
        return normalize(token, self.normalization)

    def write(self, path: Path) -> None:
        """Write the lexicon as JSON."""
        write_json(path, {**vars(self), "normalization": self.normalization.model_dump()})

    @classmethod
    def read(cls, path: Path) -> Lexicon:
        """Read what `write` wrote.

        Raises:
            PipelineError: if the file is missing, damaged, or something else.
        """
        return cls(**dict(parse(read_json(path), Stated, str(path))))


@dataclass(frozen=True)
class WordTable:
    """A lexicon, and the first vector of each of its W words."""

    lexicon: Lexicon
    vectors: Tensor  # (W, d); zeros where a source lacks the word
    found: Tensor  # (W, d) bool: which numbers come from a source that has the word
    widths: Mapping[str, int]  # source -> the width of its vectors


def assemble(
    vocab: Path,
    sources: Mapping[str, Path],
    removed: float = 0.0,
    phrases: Mapping[str, Sequence[Path]] | None = None,
) -> WordTable:
    """Join the vocabularies in the folder `vocab` with the vector files of `sources`.

    Args:
        vocab: the folder.
        sources: source -> its file.
        removed: the share of words whose vectors are treated as not there (Moon et al. 2018,
            Table 3). The word alone decides whether it is among them, so that every system and
            every seed lacks the same words, and a larger share lacks those of a smaller one too.
        phrases: source -> its vectors of the words of phrases, a file for each table of phrases.

    Returns:
        The table, in which the vectors of the sources stand side by side in the order of
        `sources`.

    Raises:
        PipelineError: if a source does not cover the vocabulary (it was built for another one),
            or its vectors of phrases have another width.
    """
    words = Vocabulary.read(vocab / "words.parquet")
    read = {
        name: without(_joined([path, *(phrases or {}).get(name, [])]), removed)
        for name, path in sources.items()
    }
    entries = _entries(words, list(read.values()))
    rows = {word: row for row, word in enumerate(entries)}
    parts, found = [], []
    for name, source in read.items():
        part, has = _table(rows, source)
        _check_covered(words, source, sources[name])
        parts.append(part)
        found.append(np.broadcast_to(has[:, None], part.shape))
    if not parts:
        parts = [np.zeros((len(entries), RANDOM_WIDTH), dtype=np.float32)]
        found = [np.zeros(parts[0].shape, dtype=bool)]
    lexicon = Lexicon(
        tuple(entries),
        Vocabulary.read(vocab / "chars.parquet").entries,
        Vocabulary.read(vocab / "labels.parquet").entries,
        words.normalization,
    )
    vectors, known = (torch.from_numpy(np.concatenate(side, 1)) for side in (parts, found))
    widths = {name: source.matrix.shape[1] for name, source in read.items()}
    return WordTable(lexicon, vectors, known, widths)


def _joined(paths: Sequence[Path]) -> WordVectors:
    """Join one source's vectors out of several files; for a word in two of them the first counts.

    Raises:
        PipelineError: if they differ in width.
    """
    first, *others = [read_vectors(path) for path in paths]
    width = first.matrix.shape[1]
    words, found, rows = list(first.words), [first.found], [first.matrix]
    known = set(words)
    for path, other in zip(paths[1:], others, strict=True):
        if other.matrix.shape[1] != width:
            raise PipelineError(
                f"{path}: has vectors of {other.matrix.shape[1]} numbers, but {paths[0]} of "
                f"{width}: they are of two sources; mend the stage in dvc.yaml"
            )
        new = np.array([word not in known for word in other.words], dtype=bool)
        words += [word for word, is_new in zip(other.words, new, strict=True) if is_new]
        known |= set(other.words)
        found.append(other.found[new])
        rows.append(other.matrix[new])
    return WordVectors(tuple(words), np.concatenate(found), np.concatenate(rows))


def _entries(words: Vocabulary, sources: Sequence[WordVectors]) -> list[str]:
    known = set(words.entries)
    extra = {
        word
        for source in sources
        for word, has in zip(source.words, source.found, strict=True)
        if has and word not in known
    }
    return [*words.entries, *sorted(extra)]


def without(source: WordVectors, share: float) -> WordVectors:
    """The source with a share of its words marked as not found; their hashes decide which."""
    if not share:
        return source
    draws = [hashlib.sha256(word.encode()).digest()[:8] for word in source.words]
    kept = np.array([int.from_bytes(draw) >= share * 2**64 for draw in draws], dtype=bool)
    return dataclasses.replace(source, found=source.found & kept)


def _table(rows: Mapping[str, int], source: WordVectors) -> tuple[np.ndarray, np.ndarray]:
    """One source's vectors (W, width) in the lexicon's order, and where it has them (W,)."""
    table = np.zeros((len(rows), source.matrix.shape[1]), dtype=np.float32)
    found = np.zeros(len(rows), dtype=bool)
    for place in np.flatnonzero(source.found):
        row = rows[source.words[place]]
        table[row] = source.matrix[place]
        found[row] = True
    return table, found


def _check_covered(words: Vocabulary, source: WordVectors, path: Path) -> None:
    missing = set(words.entries[2:]) - set(source.words)
    if missing:
        raise PipelineError(
            f"{path}: {len(missing)} words of the vocabulary were never looked up in it (such as "
            f"{min(missing)!r}): it was built for another vocabulary; run `dvc repro vectors`"
        )
