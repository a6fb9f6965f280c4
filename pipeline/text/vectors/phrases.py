"""Pretrained vectors of the words of one table of phrases, beside those of the posts' words."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from pipeline.corpus.normalize import normalize
from pipeline.params.vectors import Vectors, VectorSource
from pipeline.tables.phrases import read_phrases
from pipeline.text.vectors.words import Report, keep_vectors
from pipeline.text.vocab import SPECIALS, Vocabulary


def build_phrase_vectors(
    params: Vectors, source: VectorSource, phrases_path: Path, vocab: Path, table: Path
) -> Report:
    """Keep, of one source, the vectors of the words of a table of phrases, in normal form.

    A table of phrases without a word gives a table without a vector; so may one with few words,
    such as the only hashtag of a corpus.

    Args:
        params: the block.
        source: one of its sources.
        phrases_path: the table of phrases.
        vocab: the folder of the vocabularies, which says what the normal form is.
        table: written: word, found, vector, sorted by word.

    Raises:
        PipelineError: if a table or the source cannot be read as what it is said to be.
    """
    normalization = Vocabulary.read(vocab / "words.parquet").normalization
    phrases = read_phrases(phrases_path)
    spelled = Counter(word for phrase in phrases.rows.values() for word in phrase.words)
    words = Counter[str]()
    for word, count in spelled.items():
        words[normalize(word, normalization)] += count
    in_use, counts = words.keys() - set(SPECIALS), {phrases_path.stem: words}
    return keep_vectors(params, source, in_use, counts, table, may_lack_all=True)
