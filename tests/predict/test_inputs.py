"""Every form of input, and what is wrong with single rows of it."""

import io
import json
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.predict.inputs import STDIN, read_rows
from pipeline.predict.records import Fault, Record, unique


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def told(path: Path) -> list[tuple[str | None, str]]:
    """Id and text of each record, id and error of each fault."""
    return [
        (row.id, row.error if isinstance(row, Fault) else row.text)
        for row in unique(read_rows(path))
    ]


def test_json_lines_with_every_fault_of_a_row(tmp_path: Path) -> None:
    lines = [
        b'\xef\xbb\xbf{"text": "one", "id": "a", "image": "x.jpg"}',
        b'{"text": "two"}\r',
        b"",
        b"{no json",
        b"[1]",
        b'{"text": ""}',
        b'{"text": " \\u00a0 "}',
        b'{"id": 7}',
        b'{"text": 3}',
        b'{"text": "again", "id": "a"}',
        b'{"text": "\\ud83d"}',
        b'{"text": "\xff"}',
        b'{"text": "x", "id": true}',
        b'{"text": "x", "image": 4}',
        b'{"tokens": ["a", "b c"], "id": 8}',
        b'{"tokens": ["a", ""]}',
        b'{"tokens": ["a\\tb"]}',
        b'{"text": "' + "\N{WAVING HAND SIGN}".encode() + b'"}',
    ]
    found = told(write(tmp_path, "in.jsonl", b"\n".join(lines)))
    assert found[0] == ("a", "one")
    assert found[1] == ("in/1", "two")
    texts = [text for _, text in found[2:]]
    wanted = [
        "no JSON",
        "expected an object",
        "is empty",
        "is empty",
        "no `text`",
        "not a number",
        "an earlier row has the id 'a'",
        "not Unicode",
        "not Unicode",
        "not true or false",
        "`image`",
        "a b c",
        "empty token",
        "a tab",
        "\N{WAVING HAND SIGN}",
    ]
    assert all(part in text for part, text in zip(wanted, texts, strict=True)), texts


def test_csv_keeps_quotes_and_line_ends_and_goes_on_behind_a_bad_row(tmp_path: Path) -> None:
    path = write(
        tmp_path, "in.csv", 'id,text,image\r\n1,"a\r\nb",x.jpg\r\n2,x,y,z\r\n3\r\n4,c,\r\n'
    )
    rows = list(read_rows(path))
    assert [row.id for row in rows] == ["1", "in/1", "3", "4"]
    assert rows[0] == Record("1", "a\r\nb", None, "x.jpg", 1)
    assert isinstance(rows[1], Fault)
    assert isinstance(rows[2], Fault)
    assert rows[3] == Record("4", "c", None, None, 4)


def test_csv_without_the_column_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"no column 'text', only id, tweet"):
        list(read_rows(write(tmp_path, "in.csv", "id,tweet\n1,a\n")))


def test_conll_has_the_ids_of_prepare_and_any_label(tmp_path: Path) -> None:
    text = "IMGID:7\nBob\tB-NEW\n\u00a0\tO\n\nIMGID:8\nbroken\n\nIMGID:\nx\tO\n"
    rows = list(read_rows(write(tmp_path, "test.txt", text)))
    assert rows[0] == Record("test/0", "Bob \u00a0", ("Bob", "\u00a0"), "7", 1)
    assert isinstance(rows[1], Fault)
    assert rows[1].line == 6
    assert rows[2] == Record("test/1", "x", ("x",), None, 8)


def test_a_folder_has_a_post_in_each_text_file_beside_its_picture(tmp_path: Path) -> None:
    write(tmp_path, "b.txt", "two\nlines")
    write(tmp_path, "b.png", b"")
    write(tmp_path, "a.jsonl", '{"text": "one"}\n')
    rows = list(read_rows(tmp_path))
    assert rows == [
        Record("a/0", "one", None, None, 1),
        Record("b", "two\nlines", None, str(tmp_path / "b.png"), 1),
    ]


def test_plain_text_has_a_post_in_each_line(tmp_path: Path) -> None:
    found = told(write(tmp_path, "in.txt", "one\r\n\ntwo"))
    assert [text for _, text in found] == [
        "one",
        "the text is empty: there is nothing to tag",
        "two",
    ]


def test_standard_input_is_json_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    content = io.BytesIO(json.dumps({"text": "ö"}).encode() + b"\n")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(content))
    assert list(read_rows(STDIN)) == [Record("stdin/0", "ö", None, None, 1)]


@pytest.mark.parametrize("name", ["none.jsonl", "odd.pdf", "empty"])
def test_nothing_to_read_is_one_sentence(tmp_path: Path, name: str) -> None:
    write(tmp_path, "odd.pdf", "")
    (tmp_path / "empty").mkdir()
    with pytest.raises(PipelineError, match=r"no such file|its suffix|no file of posts"):
        list(read_rows(tmp_path / name))


def test_the_sample_posts_are_sound(root: Path) -> None:
    folder = root / "samples"
    rows = list(unique(read_rows(folder / "new_posts.jsonl")))
    assert all(isinstance(row, Record) for row in rows)
    pictures = [row.image for row in rows if isinstance(row, Record) and row.image]
    assert pictures
    assert all((folder / picture).is_file() for picture in pictures)
