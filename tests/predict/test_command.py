"""`mner predict` and `mner export` as a person types them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.__main__ import main
from pipeline.corpus.bio import accepted_labels
from pipeline.corpus.conll import read_conll
from pipeline.corpus.posts import Post
from tests.predict.conftest import Project

TEXTS = ["I saw Anna Smith !", "", "I saw Rome today", "\N{WAVING HAND SIGN}"]


def mner(*words: str | Path, given: bytes | None = None) -> Result:
    done = CliRunner().invoke(main, [str(word) for word in words], input=given)
    assert isinstance(done.exception, SystemExit | None), done.exception
    assert "Traceback" not in done.output
    return done


def refused(*words: str | Path) -> str:
    done = mner(*words)
    assert done.exit_code == 1, done.output
    assert re.match(r"Error: \S+ .+", done.stderr)
    return done.stderr


@pytest.fixture
def posts(tmp_path: Path) -> Path:
    path = tmp_path / "new.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    return path


def test_a_line_for_each_row_and_a_report(trained: Project, posts: Path) -> None:
    done = mner("predict", "--model", trained.model, posts)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["id"] for row in rows] == [f"new/{n}" for n in range(len(TEXTS))]
    assert ["error" in row for row in rows] == [False, True, False, False]
    assert "4 posts, 1 of them with an error" in done.stderr


def test_standard_input(trained: Project, posts: Path) -> None:
    done = mner("predict", "--model", trained.model, "-", given=posts.read_bytes())
    assert json.loads(done.stdout.splitlines()[0])["id"] == "stdin/0"


def test_spans_are_those_of_the_lines(trained: Project, posts: Path, tmp_path: Path) -> None:
    out = tmp_path / "spans.jsonl"
    mner("predict", "--model", trained.model, posts, "--format", "spans", "--output", out)
    row = json.loads(out.read_text().splitlines()[0])
    (span,) = row["spans"]
    assert row["text"][span["start"] : span["end"]] == "Anna Smith"
    tokens = row["tokens"]
    assert tokens[span["token_start"]]["start"] == span["start"]
    assert tokens[span["token_end"]]["end"] == span["end"]
    assert row["text"] == "".join(token["text"] + " " * token["ws"] for token in tokens)


def test_conll_can_be_read_as_a_corpus(trained: Project, posts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    done = mner("predict", "--model", trained.model, posts, "--format", "conll", "--output", out)
    assert "line 2: the text is empty" in done.stderr
    found = list(read_conll(out, "x", accepted_labels(["PER", "LOC"], {})))
    assert [post.tokens[:2] for post in found if isinstance(post, Post)] == [
        ("I", "saw"),
        ("I", "saw"),
        ("\N{WAVING HAND SIGN}",),
    ]
    assert "--resume" in refused(
        *("predict", "--model", trained.model, posts, "--format", "conll", "--output", out),
        "--resume",
    )


def test_resume_gives_the_bytes_of_one_run(trained: Project, posts: Path, tmp_path: Path) -> None:
    out, words = tmp_path / "out.jsonl", ("predict", "--model", trained.model, posts, "--output")
    mner(*words, out)
    whole = out.read_bytes()
    assert "--resume" in refused(*words, out)
    for cut in (0, 1, whole.index(b"\n"), whole.index(b"\n") + 1, len(whole) - 1, len(whole)):
        out.write_bytes(whole[:cut])
        assert mner(*words, out, "--resume").exit_code == 0
        assert out.read_bytes() == whole


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("in.csv", "tweet\nx\n", "has no column 'text'"),
        ("in.pdf", "x", "suffix"),
        ("none.jsonl", None, "no such file"),
    ],
)
def test_an_input_that_cannot_be_read_is_one_sentence(
    trained: Project, tmp_path: Path, name: str, content: str | None, told: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    assert told in refused("predict", "--model", trained.model, tmp_path / name)


def test_a_full_disk_is_one_sentence(trained: Project, posts: Path) -> None:
    told = refused("predict", "--model", trained.model, posts, "--output", "/dev/full")
    assert "no room" in told


def test_an_export_predicts_the_same(trained: Project, posts: Path, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    done = mner("export", trained.model, folder, "--full-vectors")
    assert "it holds text" in done.stdout
    wanted = mner("predict", "--model", trained.model, posts).stdout
    assert mner("predict", "--model", folder, posts).stdout == wanted
    assert "not empty" in refused("export", trained.model, folder)
    assert "is an export itself" in refused("export", folder, tmp_path / "other")


def test_help_imports_no_network() -> None:
    """So that it is quick: each command is imported when it is called."""

    code = (
        "import sys\nsys.argv = ['mner', '--help']\nfrom cli.__main__ import main\n"
        "try:\n    main()\nfinally:\n    assert not {'torch', 'nltk', 'numpy'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "predict" in done.stdout
