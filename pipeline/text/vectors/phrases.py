"""Pretrained vectors of the words of one table of phrases: they add to those of the posts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from pipeline.corpus.normalize import normalize
from pipeline.tables.phrases import read_phrases
from pipeline.text.vectors.words import Kind, Report, keep_vectors
from pipeline.text.vocab import SPECIALS, Vocabulary


def build_phrase_vectors(
    kind: Kind,
    path: Path,
    package: str | None,
    width: int,
    phrases_path: Path,
    vocab: Path,
    lowercase_fallback: bool,
    hashtag_fallback: bool,
    vectors_path: Path,
) -> Report:
    """Keep, of one source, the vectors of the words of a table of phrases, in normal form.

    A table without a word gives one without a vector; so may one of few words, such as the only
    hashtag of a corpus.

    Args:
        kind: how the source is written.
        path: the source, unless it is a package.
        package: the import name of the package.
        width: of its vectors; another is refused.
        phrases_path: the table of phrases.
        vocab: the folder of the vocabularies, which says what the normal form is.
        lowercase_fallback: whether a word not found as it stands is looked up in lower case.
        hashtag_fallback: whether a hashtag not found as it stands is looked up without its #.
        vectors_path: where the table goes: word, found, vector, sorted by word.

    Raises:
        PipelineError: if the table or the source cannot be read as what it is said to be.
    """
    normalization = Vocabulary.read(vocab / "words.parquet").normalization
    phrases = read_phrases(phrases_path)
    spelled = Counter(word for phrase in phrases.rows.values() for word in phrase.words)
    words = Counter[str]()
    for word, count in spelled.items():
        words[normalize(word, normalization)] += count
    return keep_vectors(
        kind,
        path,
        package,
        width,
        words.keys() - set(SPECIALS),
        {phrases_path.stem: words},
        lowercase_fallback,
        hashtag_fallback,
        vectors_path,
        may_lack_all=True,
    )
