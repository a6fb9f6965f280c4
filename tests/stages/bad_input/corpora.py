"""Corpora in CoNLL, and images."""

import struct
import zlib
from functools import partial
from io import BytesIO

from PIL import Image

from tests.stages.bad_input.case import Case, Spoil, all_of, cut, gone, put, setting
from tests.stages.conftest import POST, Project


def line(text: str) -> Spoil:
    """Give the dev split a post with this line."""
    return put("dev.txt", f"{POST.format(image='a')}\nIMGID:b1\n{text}\n")


_conll = partial(Case, run="prepare")
CONLL = [
    _conll(
        "an unknown type",
        line("Bob\tB-PRE"),
        "dev.txt:7: unknown entity type 'PRE' (did you mean 'PER'?)",
    ),
    _conll(
        "a type that params do not list",
        line("Bob\tB-MISC"),
        "dev.txt:7: unknown entity type 'MISC'",
    ),
    _conll("a label without B- or I-", line("Bob\tPER"), "dev.txt:7: …'PER'"),
    _conll("a blank for the tab", line("Bob B-PER"), "dev.txt:7: no tab between token and label"),
    _conll("a token without a label", line("Bob\t"), "dev.txt:7: no label after the tab"),
    _conll("a label without a token", line("\tB-PER"), "dev.txt:7: no token before the tab"),
    _conll("a third column", line("Bob\tB-PER\tO"), "dev.txt:7: 2 tabs"),
    _conll("a line of blanks", line("   "), "dev.txt:7: a line of spaces alone"),
    _conll("BIOES labels", line("Bob\tS-PER"), "dev.txt:7: …'S-PER'"),
    _conll("an escape sequence as label", line("Bob\t\x1b[2J"), "dev.txt:7: …'\\x1b[2J'"),
    _conll(
        "a label on the IMGID line",
        put("dev.txt", "IMGID:1\tO\nBob\tB-PER\n"),
        "dev.txt:1: more than an id in the IMGID line 'IMGID:1\\tO'",
    ),
    _conll(
        "an empty label on the IMGID line",
        put("dev.txt", "IMGID:1\t\nBob\tB-PER\n"),
        "dev.txt:1: more than an id in the IMGID line 'IMGID:1\\t'",
    ),
    _conll(
        "a separator of documents",
        put("dev.txt", "Bob\tB-PER\n\n-DOCSTART-\tO\n\nAda\tB-PER\n"),
        "dev.txt:3: -DOCSTART- separates",
    ),
    _conll(
        "the separator of CoNLL 2003",
        put("dev.txt", "-DOCSTART- -X- -X- O\n\nBob\tB-PER\n"),
        "dev.txt:1: -DOCSTART- separates documents",
    ),
    _conll(
        "IOB1 labels",
        put("dev.txt", "IMGID:1\nAda\tI-PER\nKing\tI-PER\n\nIMGID:2\nPope\tI-PER\nLeo\tB-PER\n"),
        "dev.txt: 2 entities begin with I- and 1 with B-, the first in the post of line 1,"
        " 'Ada' I-PER: the labels are IOB1 or IO, and BIO is read",
    ),
    _conll(
        "IO labels",
        put("dev.txt", "IMGID:1\nRome\tI-LOC\n"),
        "dev.txt: 1 entities begin with I- and 0 with B-",
    ),
    _conll(
        "a split without an entity",
        put("dev.txt", "IMGID:1\nhi\tO\n"),
        "dev.txt: none of its 1 posts has an entity",
    ),
    _conll(
        "an IMGID line lost",
        put("dev.txt", "IMGID:a\nBob\tB-PER\n\nAda\tB-PER\n"),
        "dev.txt:4: a post without an IMGID line",
    ),
    _conll(
        "an IMGID line alone",
        put("dev.txt", "IMGID:a\n\nIMGID:b1\nBob\tB-PER\n"),
        "dev.txt:1: an IMGID line without tokens",
    ),
    _conll("an empty split", put("dev.txt", b""), "dev.txt: no post in it"),
    _conll("a split of empty lines", put("dev.txt", b"\n\n"), "dev.txt: no post in it"),
    _conll(
        "a split of a byte order mark", put("dev.txt", b"\xef\xbb\xbf"), "dev.txt: no post in it"
    ),
    _conll(
        "a text in Latin-1",
        put("dev.txt", "IMGID:a\ncafé\tO\n".encode("latin-1")),
        "dev.txt:2: byte 11 of the file, 0xe9, is not UTF-8",
    ),
    _conll(
        "a text in UTF-16",
        put("dev.txt", "IMGID:a\nBob\tB-PER\n".encode("utf-16")),
        "dev.txt:1: byte 0 of the file, 0xff, is not UTF-8",
    ),
    _conll(
        "a folder as split",
        all_of(gone("dev.txt"), lambda project: (project.path / "dev.txt").mkdir()),
        "dev.txt: cannot be read",
    ),
    _conll(
        "a renaming to a type that is none",
        setting("prepare", rename={"MISC": "OTHR"}),
        "prepare.rename: 'MISC' becomes 'OTHR', …(did you mean 'OTHER'?)",
    ),
]


def png(width: int, height: int, rows: bytes = b"") -> bytes:
    """A PNG of grey pixels whose header may promise more than its rows hold."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(rows, 9))
    return b"\x89PNG\r\n\x1a\n" + header + data + chunk(b"IEND", b"")


def tiff() -> bytes:
    """A TIFF of floating-point numbers."""
    file = BytesIO()
    Image.new("F", (4, 4)).save(file, "TIFF")
    return file.getvalue()


A = "images/a.jpg"


def no_images(*names: str) -> Spoil:
    """Leave these files of text alone in the image folder."""

    def spoil(project: Project) -> None:
        for path in (project.path / "images").iterdir():
            path.unlink()
        for name in names:
            project.write(f"images/{name}", "x")

    return spoil


def lower(project: Project) -> None:
    """Move all images a folder lower."""
    (project.path / "images").rename(project.path / "set")
    (project.path / "images").mkdir()
    (project.path / "set").rename(project.path / "images" / "set")


def upper(project: Project) -> None:
    """Write the suffix of all images in capitals, and name them with small ones."""
    for path in (project.path / "images").iterdir():
        path.rename(path.with_suffix(".JPG"))
    for split in ("train", "dev", "test"):
        project.write(f"{split}.txt", POST.format(image="a.jpg"))
    project.passes("prepare")


STRICT = setting("index_images", on_bad_image="error")
_images = partial(Case, run="index_images")
IMAGES = [
    _images("a picture cut off", cut(A), "…a.jpg: truncated: ", counted=True),
    _images(
        "a text as picture",
        put(A, b"This is no photograph.\n"),
        "…a.jpg: not_an_image: ",
        counted=True,
    ),
    _images("an empty picture", put(A, b""), "…a.jpg: empty: ", counted=True),
    _images(
        "a picture that is a header alone",
        put(A, b"\xff\xd8\xff\xe0\x00\x10JFIF"),
        "…a.jpg: corrupt: ",
        counted=True,
    ),
    _images(
        "a PNG that promises 40,000 x 40,000 pixels",
        put(A, png(40_000, 40_000)),
        "…a.jpg: too_large: ",
        counted=True,
    ),
    _images(
        "a picture of 1 x 5,000 pixels", put(A, png(1, 5000)), "…a.jpg: too_thin: ", counted=True
    ),
    _images("a picture without a pixel", put(A, png(0, 5)), "…a.jpg: corrupt: ", counted=True),
    _images("pixels in floating point", put(A, tiff()), "…a.jpg: unsupported: ", counted=True),
    _images(
        "a page of an error as picture",
        put(A, b"<!DOCTYPE html><title>404</title>"),
        "…a.jpg: not_an_image: ",
        counted=True,
    ),
    _images(
        "a bad picture, where params say `error`",
        all_of(cut(A), STRICT),
        "1 images cannot be used:…a.jpg: truncated: ",
    ),
    _images(
        "an id without a picture, where params say `error`",
        all_of(gone(A), STRICT),
        "1 images cannot be used:…a: missing: ",
    ),
    _images(
        "all images a folder lower",
        lower,
        "images: not one of the 4 images that posts name can be used:…set dataset.images"
        " to images/set",
    ),
    _images(
        "suffixes in another case",
        upper,
        "images: not one of the 1 images that posts name can be used:…a.jpg: missing:"
        " …a.JPG differs in",
    ),
    _images(
        "an empty image folder", no_images(), "images: no image in this folder…dvc pull images"
    ),
    _images(
        "an image folder without an image",
        no_images("readme.txt", ".hidden.jpg"),
        "images: no image in this folder",
    ),
    _images(
        "no image folder",
        lambda project: (project.path / "images").rename(project.path / "gone"),
        "images: no such folder…dvc pull images",
    ),
]
