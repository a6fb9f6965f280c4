"""The reader: every anomaly of the published files, every fault by its words, and round trips."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.corpus.bio import accepted_labels
from pipeline.corpus.conll import HEADER, SEPARATOR, Fault, read_conll
from pipeline.corpus.posts import Post

ACCEPTED = accepted_labels(["PER", "LOC", "ORG", "OTHER"], {"MISC": "OTHER"})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "train.txt"


def read(file: Path, content: bytes | str) -> list[Post | Fault]:
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_conll(file, "train", ACCEPTED))


def faults(file: Path, content: bytes | str) -> list[str]:
    """The faults of a file as a person reads them, without the folder."""
    found = [row for row in read(file, content) if isinstance(row, Fault)]
    return [str(fault).replace(f"{file.parent}/", "") for fault in found]


def test_posts_as_the_original_files_have_them(file: Path) -> None:
    rows = read(file, "IMGID:1015799\nRT\tO\nGeorge\tB-PER\nZ\tI-PER\n\nIMGID:74960\nSwan\tO\n")
    assert rows == [
        Post("train/0", "train", "1015799", ("RT", "George", "Z"), ("O", "B-PER", "I-PER"), 1),
        Post("train/1", "train", "74960", ("Swan",), ("O",), 6),
    ]


@pytest.mark.parametrize(
    ("content", "image", "tokens"),
    [
        ("IMGID:1\n\xa0\tO\nb\tO\n\n", "1", ("\xa0", "b")),
        (
            "IMGID:1\n\u200e\tO\n\ufe0f\tO\n\u200b\tO\n \tO\n",
            "1",
            ("\u200e", "\ufe0f", "\u200b", " "),
        ),
        ("IMGID:1\na\x85b\u2028c\x0b\x1c\tO\n", "1", ("a\x85b\u2028c\x0b\x1c",)),
        ("IMGID:16_05_01_66\r\na\tO\r\n\r\n", "16_05_01_66", ("a",)),
        ("\ufeffIMGID:O_1926\na\tO", "O_1926", ("a",)),
        ("IMGID:007\na\tO\n\n\n\n", "007", ("a",)),
        ("IMGID:\na\tO\n", None, ("a",)),
        ("IMGID: 12 \na\tO\n", "12", ("a",)),
        ("\n\nIMGID:1\na\tO\n", "1", ("a",)),
        ("IMGID:1\nIMGID:2\tO\n", "1", ("IMGID:2",)),
        ("IMGID:1\n" + "a\tO\n" * 5000, "1", ("a",) * 5000),
        ("\ufeffa\tO\nb\tO\n", None, ("a", "b")),
    ],
    ids=[
        "a no-break space is a token",
        "so are invisible marks and a space",
        "only a newline ends a line",
        "CRLF, and an id that int() would take",
        "byte order mark, no newline at the end",
        "leading zeros, several empty lines",
        "no image",
        "spaces about the id",
        "empty lines first",
        "a token like a header",
        "a post of any length",
        "text alone",
    ],
)
def test_anomalies(file: Path, content: str, image: str | None, tokens: tuple[str, ...]) -> None:
    (post,) = read(file, content)
    assert isinstance(post, Post)
    assert (post.image, post.tokens) == (image, tokens)


def test_renamed_types_and_a_header_that_ends_a_post(file: Path) -> None:
    rows = read(file, "IMGID:1\na\tB-MISC\nb\tI-MISC\nIMGID:2\nc\tI-OTHER\n")
    assert [row.labels for row in rows if isinstance(row, Post)] == [
        ("B-OTHER", "I-OTHER"),
        ("I-OTHER",),
    ]


NO_HEADER = (
    "a post without an IMGID line, while others have one; add it (a bare `IMGID:`"
    " where there is no image), or remove the empty line before it"
)
KNOWN = (
    "known: LOC, MISC, ORG, OTHER, PER;"
    " correct the label, or add the type to `entity_types` or `rename` of `prepare`"
)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", ["train.txt: no post in it; split 'train' needs at least one"]),
        ("\ufeff\n\r\n", ["train.txt: no post in it; split 'train' needs at least one"]),
        (
            "IMGID:1\nGeorge B-PER\n",
            [
                "train.txt:2: no tab between token and label in 'George B-PER'; "
                "expected token<TAB>label"
            ],
        ),
        (
            "IMGID:1\na\tb\tO\n",
            [r"train.txt:2: 2 tabs in 'a\tb\tO'; expected token<TAB>label"],
        ),
        (
            "IMGID:1\n\tO\n",
            [r"train.txt:2: no token before the tab in '\tO'; expected token<TAB>label"],
        ),
        (
            "IMGID:1\na\t\r\n",
            [r"train.txt:2: no label after the tab in 'a\t'; expected token<TAB>label"],
        ),
        (
            "IMGID:1\na\tO\n  \nb\tO\n",
            ["train.txt:3: a line of spaces alone; empty it to end the post, or remove it"],
        ),
        (
            "IMGID:1\na\tB-PRE\n",
            [f"train.txt:2: unknown entity type 'PRE' (did you mean 'PER'?); {KNOWN}"],
        ),
        (
            "IMGID:1\na\tI-loc\n",
            [f"train.txt:2: unknown entity type 'loc' (did you mean 'LOC'?); {KNOWN}"],
        ),
        (
            "IMGID:1\na\tS-PER\nb\to\nc\tB-\nd\tO \ne\tBPER\n",
            [
                "train.txt:2: label 'S-PER' is not O, B-TYPE or I-TYPE (did you mean 'I-PER'?)",
                "train.txt:3: label 'o' is not O, B-TYPE or I-TYPE (did you mean 'O'?)",
                "train.txt:4: label 'B-' is not O, B-TYPE or I-TYPE (did you mean 'B-PER'?)",
                "train.txt:5: label 'O ' is not O, B-TYPE or I-TYPE (did you mean 'O'?)",
                "train.txt:6: label 'BPER' is not O, B-TYPE or I-TYPE (did you mean 'B-PER'?)",
            ],
        ),
        ("a\tO\n\nIMGID:1\nb\tO\n", [f"train.txt:1: {NO_HEADER}"]),
        ("IMGID:1\nb\tO\n\nc\tO\nd\tO\n\n", [f"train.txt:4: {NO_HEADER}"]),
        (
            "IMGID:1\nIMGID:2\na\tO\n\nIMGID:3\n",
            [
                "train.txt:1: an IMGID line without tokens; remove it",
                "train.txt:5: an IMGID line without tokens; remove it",
            ],
        ),
        (
            b"\xef\xbb\xbfIMGID:1\ncaf\xe9\tO\n",
            ["train.txt:2: byte 14 of the file, 0xe9, is not UTF-8; save the file as UTF-8"],
        ),
        (
            b"\xef\xbb\xbfIM\xffGID:1\na\tO\n",
            ["train.txt:1: byte 5 of the file, 0xff, is not UTF-8; save the file as UTF-8"],
        ),
        (
            b"IMG\xffID:1\na\tO\n\nIMGID:2\nb\tO\n",
            ["train.txt:1: byte 3 of the file, 0xff, is not UTF-8; save the file as UTF-8"],
        ),
    ],
)
def test_faults_by_their_words(file: Path, content: bytes | str, expected: list[str]) -> None:
    assert faults(file, content) == expected


def test_a_byte_order_mark_amid_a_file_names_its_line(file: Path) -> None:
    # `cat a.txt b.txt` leaves such a mark if both files begin with one.
    (first, *_) = faults(file, "IMGID:1\na\tO\n\n\ufeffIMGID:2\nb\tO\n")
    assert first.startswith("train.txt:4: no tab between token and label in '\\ufeffIMGID:2'")


def test_a_folder_or_a_file_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    for path, why in [(tmp_path, "Is a directory"), (tmp_path / "no", "No such file or directory")]:
        assert [str(row) for row in read_conll(path, "dev", ACCEPTED)] == [
            f"{path}: cannot be read: {why}"
        ]


def test_a_long_line_is_cut_in_the_message(file: Path) -> None:
    (fault,) = faults(file, "IMGID:1\n" + "x" * 1_000_000)
    assert len(fault) < 200


def test_a_faulty_line_costs_its_post_alone(file: Path) -> None:
    rows = read(file, "IMGID:1\na\tO\n\nIMGID:2\nb\n\nIMGID:3\nc\tO\n")
    assert [type(row) for row in rows] == [Post, Fault, Post]


LINE_TEXT = st.text(
    st.characters(codec="utf-8", exclude_characters="\t\n"), min_size=1, max_size=12
)
LABELS = sorted(accepted_labels(["PER", "LOC", "ORG", "OTHER"], {}))
TOKENS = LINE_TEXT.filter(lambda token: not token.startswith((HEADER, SEPARATOR)))
ROWS = st.lists(st.tuples(TOKENS, st.sampled_from(LABELS)), min_size=1, max_size=6)
IDS = st.none() | LINE_TEXT.map(str.strip).filter(lambda name: name and name[-1] != "\r")


@settings(deadline=None)
@given(
    posts=st.lists(st.tuples(IDS, ROWS), min_size=1, max_size=5),
    end=st.sampled_from(["\n", "\r\n"]),
    mark=st.booleans(),
    gap=st.integers(0, 2),
    last=st.booleans(),
)
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory,
    posts: list[tuple[str | None, list[tuple[str, str]]]],
    end: str,
    mark: bool,
    gap: int,
    last: bool,
) -> None:
    """Line ends, byte order mark, empty lines and the end of the file change no post."""
    texts, expected, line = [], [], 1
    for n, (image, rows) in enumerate(posts):
        lines = [f"IMGID:{image or ''}", *(f"{token}\t{label}" for token, label in rows)]
        texts.append(end.join(lines))
        tokens, labels = zip(*rows, strict=True)
        expected.append(Post(f"train/{n}", "train", image, tokens, labels, line))
        line += len(lines) + gap
    content = ("\ufeff" if mark else "") + (end * (gap + 1)).join(texts) + (end if last else "")
    file = tmp_path_factory.mktemp("conll") / "train.txt"
    assert read(file, content) == expected


@settings(deadline=None)
@given(posts=st.lists(ROWS, min_size=1, max_size=4))
def test_round_trip_of_text_alone(
    tmp_path_factory: pytest.TempPathFactory, posts: list[list[tuple[str, str]]]
) -> None:
    content = "\n\n".join("\n".join(f"{t}\t{label}" for t, label in rows) for rows in posts)
    file = tmp_path_factory.mktemp("conll") / "train.txt"
    # without a mark of the file, that of the first token would be taken for it
    read_back = [row for row in read(file, "\ufeff" + content) if isinstance(row, Post)]
    assert [tuple(zip(post.tokens, post.labels, strict=True)) for post in read_back] == [
        tuple(rows) for rows in posts
    ]
    assert all(post.image is None for post in read_back)


@settings(deadline=None)
@given(content=st.binary(max_size=60) | st.text("IMGD:1\tO B-PER\n\r\ufeff", max_size=60))
def test_whatever_the_bytes_there_are_posts_or_faults(
    tmp_path_factory: pytest.TempPathFactory, content: bytes | str
) -> None:
    file = tmp_path_factory.mktemp("conll") / "train.txt"
    assert read(file, content)  # it gives posts or faults, and never a traceback


@pytest.mark.parametrize(("split", "posts"), [("train", 4000), ("dev", 1000), ("test", 3257)])
def test_twitter2015_reads_as_published(shared_data: Path, split: str, posts: int) -> None:
    path = shared_data / "twitter2015" / f"{split}.txt"
    accepted = accepted_labels(["PER", "LOC", "ORG", "OTHER"], {})
    rows = [row for row in read_conll(path, split, accepted) if isinstance(row, Post)]
    assert len(rows) == posts
    # a plain reading of the same lines shows that no token is lost or changed
    lines = path.read_bytes().decode().split("\n")
    tokens = [line.split("\t")[0] for line in lines if "\t" in line]
    assert [token for row in rows for token in row.tokens] == tokens
    assert [lines[row.line - 1] for row in rows] == [f"IMGID:{row.image}" for row in rows]
