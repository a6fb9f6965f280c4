"""One small table of a source: the words in use, the fallback, the report."""

import gzip
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.corpus.normalize import normalize
from pipeline.corpus.posts import read_posts, write_posts
from pipeline.corpus.prepare import prepare
from pipeline.errors import PipelineError
from pipeline.params.prepare import Prepare
from pipeline.text.vectors.words import build_vectors, read_vectors
from pipeline.text.vocab import Vocabulary, build_vocab
from tests.blocks import text_source
from tests.text.vectors.corpus import (
    CASED,
    GLOVE,
    LOWER,
    SPLITS,
    Corpus,
    post,
    train_words,
    vectors_of,
)


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return Corpus(tmp_path)


def test_the_words_in_use_exact_first_then_lower_case(corpus: Corpus) -> None:
    report = corpus.build()
    assert corpus.table() == {
        "<user>": [9, 10],
        "Bonn": [11, 12],
        "ITALY": [7, 8],
        "Italy": [7, 8],
        "Paris": None,
        "Rome": [3, 4],
        "in": None,
        "is": [1, 2],
        "é": None,
    }
    assert str(report) == (
        "6 of 9 words in use found (66.7 %), 3 of them in another form, among 10 rows\n"
        "tokens covered: 57.1 % (train 80.0 %, dev 33.3 %, test 66.7 %)\n"
        "1 rows repeat a word in use: the first counts\n"
        "1 rows whose words are not UTF-8: left aside"
    )


def test_without_the_fallback(corpus: Corpus) -> None:
    report = corpus.build(fallback=False)
    assert [word for word, vector in corpus.table().items() if vector] == ["<user>", "Rome", "is"]
    assert report.in_other_form == 0


def test_a_fallback_that_finds_nothing_changes_no_byte(tmp_path: Path) -> None:
    """The file holds no settings: what reads it runs again only for other vectors."""
    corpus = Corpus(tmp_path, LOWER)
    found = set()
    for fallback, hashtag in ((True, True), (False, False)):
        corpus.build(fallback=fallback, hashtag=hashtag)
        found.add((corpus.folder / "vectors.parquet").read_bytes())
    assert len(found) == 1


def test_a_hashtag_is_looked_up_without_its_sign_if_asked(tmp_path: Path) -> None:
    posts = [post("train", "#Rome # ##Rome #Oslo")]
    corpus = Corpus(tmp_path)
    write_posts(posts, tmp_path / "posts.parquet")
    build_vocab(
        train_words(CASED),
        ["PER", "LOC", "ORG", "OTHER"],
        tmp_path / "posts.parquet",
        tmp_path / "vocab",
    )
    corpus.build(splits=("train",), hashtag=True)
    assert corpus.table() == {"#": None, "##Rome": None, "#Oslo": None, "#Rome": [3, 4]}


def test_words_of_the_splits_and_of_the_vocabulary(corpus: Corpus) -> None:
    corpus.build(splits=("test",))
    assert list(corpus.table()) == sorted(["Rome", "is", "in", "Italy", "<user>", "Bonn", "é"])


def test_the_schema(corpus: Corpus) -> None:
    corpus.build()
    schema = pq.read_schema(corpus.folder / "vectors.parquet")
    assert schema.names == ["word", "found", "vector"]
    assert str(schema.field("vector").type) == "fixed_size_list<element: float not null>[2]"
    assert schema.metadata is None


def test_equal_bytes_whatever_the_order_of_the_file_and_its_packing(corpus: Corpus) -> None:
    found = set()
    lines = GLOVE.replace(b"is 0 0\n", b"").splitlines(keepends=True)
    for content in (b"".join(lines), b"".join(reversed(lines)), gzip.compress(b"".join(lines))):
        (corpus.folder / "glove.txt").write_bytes(content)
        corpus.build()
        found.add((corpus.folder / "vectors.parquet").read_bytes())
    assert len(found) == 1


def test_a_source_with_none_of_the_words_is_refused(corpus: Corpus) -> None:
    (corpus.folder / "glove.txt").write_bytes(b"nothing 1 2\n")
    with pytest.raises(PipelineError, match="has none of the 9 words in use"):
        corpus.build()
    assert not (corpus.folder / "vectors.parquet").exists()


def test_a_table_of_something_else_is_refused(corpus: Corpus) -> None:
    with pytest.raises(PipelineError, match=r"posts\.parquet: expected columns word \(string\)"):
        read_vectors(corpus.folder / "posts.parquet")
    with pytest.raises(PipelineError, match="no such file; run `dvc repro vectors`"):
        read_vectors(corpus.folder / "vectors.parquet")


@settings(deadline=None, max_examples=40)
@given(
    rows=st.dictionaries(st.text("aAbB#", min_size=1, max_size=3), st.integers(1, 9), min_size=1),
    words=st.lists(st.text("aAbB#", min_size=1, max_size=4), min_size=1),
    lowercase=st.booleans(),
    fallback=st.booleans(),
    hashtag=st.booleans(),
)
def test_against_a_dictionary(
    tmp_path_factory: pytest.TempPathFactory,
    rows: dict[str, int],
    words: list[str],
    lowercase: bool,
    fallback: bool,
    hashtag: bool,
) -> None:
    form = LOWER if lowercase else CASED
    folder = tmp_path_factory.mktemp("vectors")
    write_posts([post("train", "is"), post("test", " ".join(words))], folder / "posts.parquet")
    build_vocab(
        train_words(form),
        ["PER", "LOC", "ORG", "OTHER"],
        folder / "posts.parquet",
        folder / "vocab",
    )
    source = {"is": 1, **rows}
    lines = "".join(f"{word} {n} {-n}\n" for word, n in source.items())
    (folder / "glove.txt").write_text(lines)
    report = build_vectors(
        vectors_of(("test",), fallback, hashtag),
        text_source(folder / "glove.txt", 2),
        folder / "posts.parquet",
        folder / "vocab",
        folder / "vectors.parquet",
    )
    expected = {}
    for word in {"is", *(normalize(word, form) for word in words)}:
        value = source.get(word)
        if value is None and hashtag and word[0] == "#":
            value = source.get(word[1:])
        if value is None and fallback:
            value = source.get(word.lower())
        if value is None and fallback and hashtag and word[0] == "#":
            value = source.get(word[1:].lower())
        expected[word] = None if value is None else [value, -value]
    vectors = read_vectors(folder / "vectors.parquet")
    found = zip(vectors.words, vectors.found, vectors.matrix.tolist(), strict=True)
    assert {word: row if has else None for word, has, row in found} == expected
    covered = sum(expected[normalize(word, form)] is not None for word in words)
    assert report.coverage == {"test": (covered, len(words))}


def test_twitter2015_in_glove_100d(shared_data: Path, tmp_path: Path) -> None:
    files = {split: shared_data / "twitter2015" / f"{split}.txt" for split in SPLITS}
    posts_path, source = tmp_path / "posts.parquet", next((shared_data / "vectors").glob("*.gz"))
    prepare(
        files,
        posts_path,
        tmp_path / "posts.json",
        Prepare(entity_types=["PER", "LOC", "ORG", "OTHER"], rename={}, untyped=False),
    )
    build_vocab(train_words(LOWER), ["PER", "LOC", "ORG", "OTHER"], posts_path, tmp_path / "vocab")
    output = tmp_path / "vectors.parquet"
    params = vectors_of(SPLITS, fallback=True, hashtag=False)
    report = build_vectors(params, text_source(source, 100), posts_path, tmp_path / "vocab", output)
    assert (report.rows, report.words, report.found) == (18615, 20035, 14556)
    tokens, total = map(sum, zip(*report.coverage.values(), strict=True))
    assert total == 133439
    assert round(tokens / total, 3) == 0.780
    # Every line of the file, parsed in full.
    naive = {}
    with gzip.open(source, "rt", encoding="utf-8") as file:
        for line in file:
            word, *numbers = line.rstrip("\n").split(" ")
            naive.setdefault(word, np.array(numbers, dtype=np.float32))
    vectors = read_vectors(output)
    words = {normalize(t, LOWER) for one in read_posts(posts_path) for t in one.tokens}
    assert set(vectors.words) == words
    assert set(Vocabulary.read(tmp_path / "vocab" / "words.parquet").entries[2:]) <= words
    for row, word in enumerate(vectors.words):
        assert vectors.found[row] == (word in naive)
        if vectors.found[row]:
            np.testing.assert_array_equal(vectors.matrix[row], naive[word])
