"""The file params.yaml: missing or unknown sections, and files that are none."""

from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.params.block import ParamsError, nearest, read
from pipeline.params.extract import Extract
from pipeline.params.tags import Tags
from tests.params.blocks import Write


def test_a_missing_section_names_the_nearest(write: Write) -> None:
    path = write("extract:\n  tags: {}\n")
    for section, message in (
        ("extract.tag", "section 'extract.tag' is missing (did you mean 'tags'?)"),
        ("extract.tags.deep", "section 'extract.tags.deep' is missing"),
        ("vocab", "section 'vocab' is missing"),
    ):
        with pytest.raises(ParamsError) as caught:
            read(path, section, Extract)
        assert str(caught.value) == f"{path}: {message}"


def test_an_unknown_section_is_refused_by_every_stage(write: Write) -> None:
    """A misspelled section would else be left out by all of them in silence."""
    path = write("tags: {top_k: 5}\nleaderbord: {order_by: dev}\n")
    with pytest.raises(ParamsError) as caught:
        read(path, "tags", Tags)
    assert str(caught.value) == (
        f"{path}: unknown section 'leaderbord' (did you mean 'leaderboard'?)"
    )


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "expected a mapping of sections, found NoneType"),
        ("- tags\n", "expected a mapping of sections, found list"),
        ("tags: [1\n", "not valid YAML"),
        ("tags:\n\ttop_k: 1\n", "not valid YAML"),
        ("tags: 5\n", "tags: the section: "),
        ("7: {}\n", "unknown section"),
    ],
)
def test_a_file_that_is_none(write: Write, content: str, complaint: str) -> None:
    path = write(content)
    with pytest.raises(ParamsError) as caught:
        read(path, "tags", Tags)
    assert str(caught.value).startswith(f"{path}: {complaint}")


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(b"tags: {top_k: 5}\n# \xff\xfe\n")
    with pytest.raises(PipelineError) as caught:
        read(path, "tags", Tags)
    assert str(path) in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="run from the project's root"):
        read(tmp_path / "params.yaml", "tags", Tags)


def test_nearest() -> None:
    assert nearest("top_n", ["top_k", "seeds"]) == " (did you mean 'top_k'?)"
    assert nearest("q", ["top_k", "seeds"]) == ""
    assert nearest("q", []) == ""
    assert nearest("2015", [2017, None, 20.5]) == " (did you mean '2017'?)"
