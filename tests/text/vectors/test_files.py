"""The readers against a plain dictionary: every format, any words; every cut; every message."""

import gzip
import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import PipelineError
from pipeline.text.vectors import word2vec
from pipeline.text.vectors.files import Rows
from pipeline.text.vectors.text import read_text
from pipeline.text.vectors.word2vec import read_word2vec

Vectors = list[tuple[str, list[float]]]


def text(rows: Vectors, header: bool = False, tail: str = "\n") -> bytes:
    first = f"{len(rows)} {len(rows[0][1])}\n" if header else ""
    return (first + "".join(" ".join([w, *map(repr, v)]) + tail for w, v in rows)).encode()


def binary(rows: Vectors, tail: bytes = b"\n") -> bytes:
    parts = [f"{len(rows)} {len(rows[0][1])}\n".encode()]
    for word, vector in rows:
        parts += [word.encode(), b" ", struct.pack(f"<{len(vector)}f", *vector), tail]
    return b"".join(parts)


FORMATS: dict[str, tuple[Callable[..., Rows], Callable[[Vectors], bytes]]] = {
    "GloVe": (read_text, text),
    "GloVe, CRLF": (read_text, lambda rows: text(rows, tail="\r\n")),
    "word2vec text": (read_text, lambda rows: text(rows, header=True)),
    "fastText .vec": (read_text, lambda rows: text(rows, header=True, tail=" \n")),
    "word2vec": (read_word2vec, binary),
    "word2vec, no newlines": (read_word2vec, lambda rows: binary(rows, tail=b"")),
}

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
LETTERS = st.characters(codec="utf-8", exclude_characters="\n ")
# Words of a text file may hold spaces, even at their ends; few letters make some words repeat.
SPACED = st.text(LETTERS | st.just(" "), min_size=1, max_size=8) | st.text("ab ", min_size=1)
SOLID = st.text(LETTERS, min_size=1, max_size=8) | st.text("ab", min_size=1, max_size=3)


def table(words: st.SearchStrategy[str]) -> st.SearchStrategy[Vectors]:
    return st.integers(2, 5).flatmap(
        lambda width: st.lists(
            st.tuples(words, st.lists(FLOATS, min_size=width, max_size=width)),
            min_size=1,
            max_size=8,
        )
    )


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("vectors") / "vectors"


def check(found: Rows, rows: Vectors, wanted: set[str]) -> None:
    """The oracle: a dictionary of the whole file, in which the first row of a word counts."""
    first: dict[str, list[float]] = {}
    for word, vector in rows:
        first.setdefault(word, vector)
    expected = {word: np.float32(vector) for word, vector in first.items() if word in wanted}
    assert found.vectors.keys() == expected.keys()
    for word, vector in expected.items():
        np.testing.assert_array_equal(found.vectors[word], vector)
    assert found.count == len(rows)
    assert found.duplicates == sum(word in wanted for word, _ in rows) - len(expected)
    assert found.not_utf8 == 0


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("name", [name for name in FORMATS if "2vec" not in name or "text" in name])
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_text_formats_against_a_dictionary(
    path: Path, name: str, packed: bool, data: st.DataObject
) -> None:
    rows = data.draw(table(SPACED))
    # Without a header, the first row tells the width: its word has no numbers at its end.
    rows.insert(0, ("the", rows[0][1]))
    wanted = set(data.draw(st.lists(st.sampled_from([word for word, _ in rows]) | SPACED)))
    read, write = FORMATS[name]
    path.write_bytes(gzip.compress(write(rows)) if packed else write(rows))
    check(read(path, len(rows[0][1]), wanted), rows, wanted)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("name", ["word2vec", "word2vec, no newlines"])
@settings(deadline=None, max_examples=60)
@given(rows=table(SOLID), data=st.data(), block=st.sampled_from([1, 7, 64, 1 << 20]))
def test_binary_formats_against_a_dictionary(
    path: Path, name: str, packed: bool, rows: Vectors, data: st.DataObject, block: int
) -> None:
    wanted = set(data.draw(st.lists(st.sampled_from([word for word, _ in rows]) | SOLID)))
    read, write = FORMATS[name]
    path.write_bytes(gzip.compress(write(rows)) if packed else write(rows))
    with patch.object(word2vec, "BLOCK", block):  # rows across the ends of reads
        check(read(path, len(rows[0][1]), wanted), rows, wanted)


ROWS: Vectors = [("the", [0.25, -1.5]), ("of", [3.0, 4.125]), ("été", [-0.5, 6.75])]
WORDS = [word for word, _ in ROWS]


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("name", ["word2vec", "word2vec, no newlines", "word2vec text"])
def test_a_file_that_says_its_rows_is_refused_wherever_it_is_cut(
    path: Path, name: str, packed: bool
) -> None:
    read, write = FORMATS[name]
    whole = gzip.compress(write(ROWS)) if packed else write(ROWS)
    path.write_bytes(whole)
    check(read(path, 2, WORDS), ROWS, set(WORDS))
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(PipelineError) as error:
            read(path, 2, WORDS)
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)


def test_a_file_without_a_header_is_refused_wherever_it_is_cut_within_a_row(path: Path) -> None:
    whole = text(ROWS)
    ends = [end for end in range(1, len(whole)) if whole[end - 1 : end] == b"\n"]
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        if end in ends:  # nothing in the file tells that rows are missing
            kept = ROWS[: ends.index(end) + 1]
            check(read_text(path, 2, WORDS), kept, set(WORDS))
        else:
            with pytest.raises(PipelineError):
                read_text(path, 2, WORDS)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("name", FORMATS)
def test_more_after_the_last_row_is_refused(path: Path, name: str, packed: bool) -> None:
    read, write = FORMATS[name]
    for more in (b"x", b"\n\n", b"the 1.0 2.0"):
        content = write(ROWS) + more
        path.write_bytes(gzip.compress(content) if packed else content)
        with pytest.raises(PipelineError):
            read(path, 2, WORDS)


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("glove.txt", text(ROWS))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("read", "content", "message"),
    [
        (read_text, b"", ": the file is empty"),
        (read_word2vec, b"", ":1: no line `rows width`; if the file is text, its kind is `text`"),
        (
            read_text,
            text([("a", [1.0, 2.0, 3.0])]),
            ":1: its vectors have width 3, but params say 2",
        ),
        (read_text, text([("a", [1.0])]), ":1: its vectors have width 1, but params say 2"),
        (
            read_text,
            text([("a", [1.0, 2.0, 3.0])], header=True),
            ":1: its vectors have width 3, but params say 2",
        ),
        (
            read_word2vec,
            binary([("a", [1.0, 2.0, 3.0])]),
            ":1: its vectors have width 3, but params say 2",
        ),
        (
            read_text,
            b"<!DOCTYPE html>\n<p>Not found\n",
            ":1: its vectors have width 0, but params say 2;"
            " is it word2vec's binary format, whose kind is `word2vec`?",
        ),
        (
            read_text,
            b"a\t1 2\nthe\t1 2\n",
            ":1: its vectors have width 1, but params say 2; it has a tab where a space belongs",
        ),
        (
            read_text,
            b"a 1 2\nthe 1\nb 1 2\n",
            ":2: 1 numbers, but params say width 2; the file is cut short or damaged",
        ),
        (read_text, b"a 1 2\nthe 1 x2\nb 1 2\n", ":2: 'x2' is not a number"),
        (read_text, b"a 1 2\nthe 1  2\nb 1 2\n", ":2: '' is not a number"),
        (
            read_text,
            b"a 1 2\nthe 1 nan\nb 1 2\n",
            ":2: the vector of 'the' is not finite; get the file again",
        ),
        (
            read_text,
            b"a 1 2\nthe 1 1e39\nb 1 2\n",
            ":2: the vector of 'the' is not finite; get the file again",
        ),
        (
            read_word2vec,
            binary([("a", [1.0, 2.0]), ("the", [1.0, float("inf")])]),
            ": byte 15: the vector of 'the' is not finite; get the file again",
        ),
        (
            read_text,
            b"a 1 2\nb 1 2",
            ":2: the file ends without a newline, as if cut short; get it again,"
            " or end it with a newline if it is whole",
        ),
        (read_text, b"3 2\na 1 2\nb 1 2\n", ":1: it promises 3 rows, but 2 are there"),
        (read_text, b"1 2\na 1 2\nb 1 2\n", ":1: it promises 1 rows, but 2 are there"),
        (
            read_word2vec,
            binary(ROWS)[:-3],
            ": byte 41: the file ends inside row 3; it is cut short",
        ),
        (
            read_word2vec,
            b"9 2\n" + b"x" * 70_000,
            ": byte 4: no word begins here; the file is damaged",
        ),
        (
            read_word2vec,
            b"1" + binary(ROWS)[1:],
            ": byte 17: there is more after the 1 rows of width 2 that it promises;"
            " get the file again",
        ),
        (
            read_word2vec,
            binary(ROWS)[:28] + binary(ROWS)[29:],
            ": byte 28: no newline after the row, though after others; get it again",
        ),
        (
            read_word2vec,
            text(ROWS),
            ":1: no line `rows width`; if the file is text, its kind is `text`",
        ),
        (read_text, zipped(), ": a zip archive; unpack it and name the file inside"),
    ],
)
def test_faults_by_their_words(
    path: Path, read: Callable[..., Rows], content: bytes, message: str
) -> None:
    path.write_bytes(content)
    with pytest.raises(PipelineError) as error:
        read(path, 2, ["the"])
    assert str(error.value) == f"{path}{message}"


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
@pytest.mark.parametrize("name", ["GloVe", "word2vec text", "fastText .vec"])
def test_a_byte_order_mark_and_an_empty_last_line_are_no_rows(
    path: Path, name: str, mark: bytes, end: bytes
) -> None:
    path.write_bytes(mark + FORMATS[name][1](ROWS) + end)
    check(read_text(path, 2, WORDS), ROWS, set(WORDS))


def test_rows_of_words_not_in_use_are_not_parsed(path: Path) -> None:
    path.write_bytes(b"a 1 2\nb x y\nthe 1 2\nc 1 2\n")
    assert read_text(path, 2, ["the"]).vectors.keys() == {"the"}


def test_words_that_are_not_utf8_are_counted_and_match_nothing(path: Path) -> None:
    path.write_bytes(b"a 1 2\ncaf\xe9 3 4\ncaf\xc3\xa9 5 6\n\xff 7 8\nz 9 9\n")
    rows = read_text(path, 2, ["café", "caf\ufffd", "\ufffd"])
    assert {word: vector.tolist() for word, vector in rows.vectors.items()} == {"café": [5.0, 6.0]}
    assert (rows.count, rows.not_utf8) == (5, 2)
    path.write_bytes(binary(ROWS).replace("été".encode(), b"\xe9t\xe9"))
    rows = read_word2vec(path, 2, WORDS)
    assert (sorted(rows.vectors), rows.not_utf8) == (["of", "the"], 1)


@pytest.mark.parametrize("read", [read_text, read_word2vec])
def test_a_folder_or_a_file_that_is_not_there(tmp_path: Path, read: Callable[..., Rows]) -> None:
    for path, why in [(tmp_path, "Is a directory"), (tmp_path / "no", "No such file or directory")]:
        with pytest.raises(PipelineError, match=f"^{path}: cannot be read: {why}$"):
            read(path, 2, ["the"])


def test_a_damaged_gzip_file(path: Path) -> None:
    packed = gzip.compress(text(ROWS), mtime=0)
    path.write_bytes(packed[:-8] + bytes(4) + packed[-4:])  # another checksum
    with pytest.raises(PipelineError, match="the gzip data are cut short or damaged"):
        read_text(path, 2, WORDS)
