"""Layouts found in the wild: each is named, and becomes what `prepare` reads."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.corpus.bio import accepted_labels
from pipeline.corpus.conll import Fault, read_conll, read_lines
from pipeline.lint.layout import KINDS, read_layout

ACCEPTED = accepted_labels(["PER", "LOC"], {})
SOUND = "IMGID:1\nAda\tB-PER\nin\tO\nRome\tB-LOC\n"

# layout -> the content, the kinds of what differs, and what it becomes
FOUND: dict[str, tuple[str | bytes, list[str], str]] = {
    "sound": (SOUND, [], SOUND),
    "no newline at the end": (SOUND[:-1], [], SOUND),
    "blanks": (SOUND.replace("\t", " "), ["blanks"] * 3, SOUND),
    "blanks, and a token with a no-break space": (
        "IMGID:1\nNew\xa0York B-LOC\n\xa0 O\n",
        ["blanks"] * 2,
        "IMGID:1\nNew\xa0York\tB-LOC\n\xa0\tO\n",
    ),
    "CRLF": (SOUND.replace("\n", "\r\n"), ["ends"] * 4, SOUND),
    "CR": (SOUND.replace("\n", "\r"), ["ends"], SOUND),
    "byte order mark": ("\ufeff" + SOUND, ["mark"], SOUND),
    "two of them": ("\ufeff\ufeff" + SOUND, ["mark"], SOUND),
    "one amid the file": (f"{SOUND}\n\ufeff{SOUND}", ["mark"], f"{SOUND}\n{SOUND}"),
    "UTF-16": (SOUND.encode("utf-16"), ["encoding"], SOUND),
    "trailing tab": (SOUND.replace("O\n", "O\t\n"), ["columns"], SOUND),
    "CoNLL 2003": (
        "-DOCSTART- -X- -X- O\n\nAda NNP B-NP B-PER\nin IN O O\n",
        ["separator", "columns", "columns"],
        "\nAda\tB-PER\nin\tO\n",
    ),
    "separators with a tab": ("-DOCSTART-\tO\n\nAda\tB-PER\n", ["separator"], "\nAda\tB-PER\n"),
    "WNUT": ("# id 7d3a domain=en\nAda\tB-PER\n", ["comment"], "Ada\tB-PER\n"),
    "labelled header": (SOUND.replace("1\n", "1\tO\n"), ["header"], SOUND),
    "header with a tab": (SOUND.replace("1\n", "1\t\n"), ["header"], SOUND),
    "header in small letters": (SOUND.replace("IMGID", "imgid"), ["header"], SOUND),
    "header apart": (SOUND.replace("1\n", "1\n\n"), ["header"], SOUND),
    "ids with a suffix": (SOUND.replace("1\n", "1.JPG\n"), ["suffix"], SOUND),
    "a line of white space": (f"{SOUND}\xa0\n{SOUND}\t\n", ["blank"] * 2, f"{SOUND}\n{SOUND}\n"),
    "small letters": (SOUND.replace("B-PER", "b-per"), ["label"], SOUND),
    "zero for O": (SOUND.replace("\tO", "\t0"), ["label"], SOUND),
    "labels with blanks": (SOUND.replace("B-PER", "B-PER "), ["label"], SOUND),
    "JSON, characters": (
        '{"image": "1", "text": "Ada in Rome", "spans": [{"start": 0, "end": 3, "type": "PER"},'
        ' {"start": 7, "end": 11, "label": "LOC"}]}\n',
        ["json"],
        SOUND + "\n",
    ),
    "JSON behind a byte order mark": (
        '\ufeff{"image": 0, "tokens": ["Ada"], "labels": ["B-PER"]}\n',
        ["json"],
        "IMGID:0\nAda\tB-PER\n\n",
    ),
    "JSON, an image file": (
        '{"image": "a/12.JPG", "tokens": ["Ada"], "labels": ["B-PER"]}\n',
        ["json"],
        "IMGID:a/12\nAda\tB-PER\n\n",
    ),
    "JSON, a border within a word": (
        '{"text": "#Ada", "spans": [[1, 4, "PER"]]}\n',
        ["json"],
        "IMGID:\n#\tO\nAda\tB-PER\n\n",
    ),
    "JSON, tokens": (
        '{"image": 1, "tokens": ["Ada", "in", "Rome"], "labels": ["B-PER", "O", "B-LOC"]}\n',
        ["json"],
        SOUND + "\n",
    ),
    "JSON, spans of tokens": (
        '{"image": 1, "tokens": ["Ada", "Byron"], "spans": [[0, 2, "PER"]]}\n',
        ["json"],
        "IMGID:1\nAda\tB-PER\nByron\tI-PER\n\n",
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_a_layout_becomes_what_is_read(tmp_path: Path, name: str) -> None:
    content, kinds, expected = FOUND[name]
    path = tmp_path / "train.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    layout = read_layout(path)
    assert [change.kind for change in layout.changes] == kinds
    assert "".join(f"{line}\n" for _, line in layout.lines) == expected
    path.write_text(expected)
    assert not read_layout(path).changes
    assert not any(isinstance(row, Fault) for row in read_conll(path, "train", ACCEPTED))


def test_every_kind_has_a_case() -> None:
    assert {kind for _, kinds, _ in FOUND.values() for kind in kinds} == KINDS.keys()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"IMGID:1\ncaf\xe9\tO\n", "train.txt:2: is not UTF-8; save the file as UTF-8"),
        (b'{"text": "Ada", "spans": [[0, 9, "PER"]]}\n{"text": 3}\n', "train.txt:1: no post as"),
        (b'{"text": "a", "spans": [[0, 1, "PER"], [0, 1, "LOC"]]}\n', "overlaps another"),
        (b'{"image": 1, "text": ["a"]}\n{"text": "a"}\n', "train.txt:1: no post as JSON"),
        (b'{"text": "Ada", "spans": [[Infinity, 3, "PER"]]}\n', "train.txt:1: no post as JSON"),
        (b'{"text": "Ada", "spans": [[0.5, 3, "PER"]]}\n', "0.5 of a span is no whole number"),
        (b'{"tokens": ["a"], "labels": ["O\\n\\nIMGID:2"]}\n', "does not fit into a line"),
        (b'{"tokens": ["a"], "labels": ["O"], "spans": [[0, 1, "PER"]]}\n', "spans differ: keep"),
        (b'{"tokens": ["a"], "labels": ["B-PER"], "spans": []}\n', "spans differ: keep"),
        (b'{"image": ["a"], "text": "a"}\n', "the image ['a'] is no id"),
        (b"[1]\n{\n", "train.txt:1: no tab between token and label"),
        (b"IMGID:1\nAda\tB-PER\n##l\tX\n", "train.txt:3: label 'X' is not O"),
        (b"IMGID:1\nAda\tB-creative-work\n", "train.txt:2: unknown entity type 'creative-work'"),
    ],
)
def test_what_is_not_mended_keeps_its_line(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "train.txt"
    path.write_bytes(content)
    rows = read_lines(read_layout(path).lines, path, "train", ACCEPTED)
    assert said in str(next(row for row in rows if isinstance(row, Fault)))


def test_labels_of_another_scheme_agree_with_their_spans(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text('{"tokens": ["Ada"], "labels": ["U-PER"], "spans": [[0, 1, "PER"]]}\n')
    assert "Ada\tU-PER" in [line for _, line in read_layout(path).lines]


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\t\n\r"), min_size=1, max_size=8)
ROWS = st.lists(st.tuples(TEXT, st.sampled_from(sorted(ACCEPTED))), min_size=1, max_size=4)


@settings(deadline=None)
@given(posts=st.lists(st.tuples(st.sampled_from(["", "7", "O_1", "16_05_01"]), ROWS), min_size=1))
def test_what_prepare_reads_stays_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, posts: list[tuple[str, list[tuple[str, str]]]]
) -> None:
    """Whatever the tokens: no-break spaces, marks, words like an IMGID line."""
    path = tmp_path_factory.mktemp("layout") / "train.txt"
    lines = [
        line
        for image, rows in posts
        for line in [f"IMGID:{image}", *(f"{token}\t{label}" for token, label in rows), ""]
    ]
    path.write_bytes("\n".join(lines).encode())
    before = list(read_conll(path, "train", ACCEPTED))
    layout = read_layout(path)
    if not any(isinstance(row, Fault) for row in before):
        assert list(read_lines(layout.lines, path, "train", ACCEPTED)) == before
        assert not layout.changes
