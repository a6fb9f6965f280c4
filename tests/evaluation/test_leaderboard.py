"""The leaderboard's text, its order, and the systems that must not share a table."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pipeline.corpus.posts import Post
from pipeline.errors import PipelineError
from pipeline.evaluation.leaderboard import write_leaderboard
from pipeline.evaluation.predictions import Prediction
from pipeline.evaluation.scoring import score_system
from pipeline.files import write_json
from pipeline.training.setting import Setting
from stages.leaderboard import main
from tests.evaluation.conftest import PICTURES, SETTING, SPOILED, Predict

ROOT = Path(__file__).parents[2]
WRONG_TYPE = {"test/2": "B-PER I-PER"}  # test F1 75
CUT_OFF = {"test/0": "B-PER I-PER O"}  # test F1 85.71

GOLDEN = """\
# Leaderboard: sample

Test: 4 posts, 4 entities (LOC 2, ORG 1, PER 1).
Systems stand by their strict F1 on test.

| Rank | System               |           F1 |      P |     R |   LOC |    ORG |    PER |\
 Lenient F1 | Segmentation F1 |        Dev F1 | Seeds |
| ---: | -------------------- | -----------: | -----: | ----: | ----: | -----: | -----: |\
 ---------: | --------------: | ------------: | ----: |
|    1 | cnn_bilstm_crf       |        85.71 | 100.00 | 75.00 | 66.67 | 100.00 | 100.00 |\
      88.89 |           85.71 |         50.00 |     1 |
|    2 | bilstm_crf           | 80.36 ± 7.58 |  87.50 | 75.00 | 83.33 |  50.00 |  83.33 |\
      84.44 |           92.86 | 100.00 ± 0.00 |     2 |
|    3 | adaptive_coattention |         0.00 |   0.00 |  0.00 |  0.00 |   0.00 |   0.00 |\
       0.00 |            0.00 |          0.00 |     1 |

Scores are percent, means over the seeds, ± the sample deviation where there are several. F1,
precision (P), recall (R) and the F1 of each type are of test and strict: an entity opens at B-.
Lenient F1 counts entities as conlleval does; segmentation F1 compares borders alone. Systems whose
score is equal as printed share a rank.

## Settings

| System               | Preset    | Optimiser  | Word vectors | Backbone |
| -------------------- | --------- | ---------- | ------------ | -------- |
| cnn_bilstm_crf       | published | sgd 0.1    | random       | —        |
| bilstm_crf           | tuned     | adam 0.002 | glove50 (50) | vgg16    |
| adaptive_coattention | tuned     | adam 0.002 | glove50 (50) | vgg16    |
"""


def details(
    folder: Path,
    posts: Sequence[Post],
    rows: Sequence[Prediction],
    system: str,
    dataset: str = "sample",
    setting: Setting = SETTING,
) -> Path:
    """Score predictions and write their details."""
    path = folder / "metrics" / "details" / f"{system}.json"
    names: dict[str, Any] = {"system": system, "dataset": dataset, "setting": setting}
    _, tables = score_system(posts, rows, **names, pictures=PICTURES)
    write_json(path, tables)
    return path


@pytest.fixture
def three(tmp_path: Path, posts: Sequence[Post], predict: Predict) -> list[Path]:
    """A system of two seeds, one that is better on test and worse on dev, one that finds none."""
    nothing = {post.post: "" for post in posts}
    return [
        details(tmp_path, posts, [*predict(1, WRONG_TYPE), *predict(2, CUT_OFF)], "bilstm_crf"),
        details(tmp_path, posts, predict(1, nothing), "adaptive_coattention"),
        details(
            tmp_path,
            posts,
            predict(1, CUT_OFF | {"dev/1": "O B-PER"}),
            "cnn_bilstm_crf",
            setting=Setting("published", "sgd 0.1", {}, {}),
        ),
    ]


def test_text(tmp_path: Path, three: list[Path]) -> None:
    table = tmp_path / "leaderboard.md"
    report = write_leaderboard(three, table, "test")
    assert report == f"{table}: systems: 3; first: cnn_bilstm_crf, test F1 85.71"
    assert table.read_text(encoding="utf-8") == GOLDEN
    write_leaderboard(three[::-1], table, "test")
    assert table.read_text(encoding="utf-8") == GOLDEN  # whatever the order of the files


def test_gold_mentions_are_told_beside_the_score(
    tmp_path: Path, posts: Sequence[Post], predict: Predict, three: list[Path]
) -> None:
    three.append(details(tmp_path, posts, predict(1), "attributes_knowledge", setting=SPOILED))
    write_leaderboard(three, tmp_path / "t.md", "test")
    text = (tmp_path / "t.md").read_text(encoding="utf-8")
    assert "|    1 | attributes_knowledge (GOLD MENTIONS) |" in text
    assert "\nattributes_knowledge: GOLD MENTIONS: read off the labels, for analysis only" in text
    assert text.count("GOLD MENTIONS") == 2  # no other system is accused
    assert systems(tmp_path / "t.md")[1] == ("2", "cnn_bilstm_crf")


def systems(table: Path) -> list[tuple[str, str]]:
    """Rank and name of each row."""
    scores = table.read_text(encoding="utf-8").partition("## Settings")[0]
    rows = [line.split("|") for line in scores.splitlines()]
    return [(row[1].strip(), row[2].strip()) for row in rows if len(row) > 2][2:]


def test_order_by_dev(tmp_path: Path, three: list[Path]) -> None:
    table = tmp_path / "leaderboard.md"
    report = write_leaderboard(three, table, "dev")
    assert report.endswith("first: bilstm_crf, dev F1 100.00 ± 0.00")
    ranks = [("1", "bilstm_crf"), ("2", "cnn_bilstm_crf"), ("3", "adaptive_coattention")]
    assert systems(table) == ranks
    assert "by their strict F1 on dev." in table.read_text(encoding="utf-8")


def test_ties_share_a_rank_and_stand_by_name(
    tmp_path: Path, posts: Sequence[Post], predict: Predict, three: list[Path]
) -> None:
    for name in ("zebra", "alpha"):
        three.append(details(tmp_path, posts, predict(1, CUT_OFF), name))
    write_leaderboard(three, tmp_path / "t.md", "test")
    assert systems(tmp_path / "t.md") == [
        ("1", "alpha"),
        ("1", "cnn_bilstm_crf"),
        ("1", "zebra"),
        ("4", "bilstm_crf"),
        ("5", "adaptive_coattention"),
    ]


def test_a_type_without_gold_has_no_column(
    tmp_path: Path, posts: Sequence[Post], predict: Predict
) -> None:
    rows = predict(1, {"test/1": "B-OTHER O"})
    write_leaderboard([details(tmp_path, posts, rows, "a")], tmp_path / "t.md", "test")
    text = (tmp_path / "t.md").read_text(encoding="utf-8")
    assert "OTHER" not in text
    assert "| 80.00 | 100.00 |" in text  # yet the wrong prediction is counted


def test_other_corpora_are_refused(
    tmp_path: Path, posts: list[Post], predict: Predict, three: list[Path]
) -> None:
    """Other posts, other labels, or another corpus by name; dev counts as much as test."""
    table = tmp_path / "t.md"
    fewer = [post for post in posts if post.post != "test/3"]
    rows = [row for row in predict(1) if row.post != "test/3"]
    path = details(tmp_path, fewer, rows, "fewer")
    with pytest.raises(PipelineError) as error:
        write_leaderboard([*three, path], table, "test")
    assert str(error.value).startswith(f"{path}: scored on test of 'sample' (3 posts, 3 entities,")
    assert f"but {three[0]} on test of 'sample' (4 posts, 4 entities," in str(error.value)

    relabelled = [
        replace(post, labels=("O", "B-PER")) if post.post == "dev/1" else post for post in posts
    ]
    path = details(tmp_path, relabelled, predict(1), "relabelled")
    with pytest.raises(PipelineError, match=r"relabelled\.json: scored on dev of 'sample'"):
        write_leaderboard([*three, path], table, "test")

    path = details(tmp_path, posts, predict(1), "foreign", dataset="twitter2015")
    with pytest.raises(PipelineError, match=r"foreign\.json: scored on dev of 'twitter2015'"):
        write_leaderboard([*three, path], table, "test")
    assert not table.exists()


def test_a_system_given_twice_is_refused(tmp_path: Path, three: list[Path]) -> None:
    copy = tmp_path / "copy.json"
    copy.write_bytes(three[0].read_bytes())
    with pytest.raises(PipelineError, match=r"copy\.json: system 'bilstm_crf' stands in .*already"):
        write_leaderboard([*three, copy], tmp_path / "t.md", "test")


def test_no_system_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="no system"):
        write_leaderboard([], tmp_path / "t.md", "test")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a params.yaml, entered."""
    (tmp_path / "params.yaml").write_text("leaderboard: {order_by: test}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def given(paths: Iterable[Path]) -> None:
    """Make `details` a folder of copies of these, in their order."""
    shutil.rmtree("details", ignore_errors=True)
    Path("details").mkdir()
    for place, path in enumerate(paths):
        copy = Path("details", f"{place}.{path.name}")
        copy.mkdir() if path.is_dir() else shutil.copy2(path, copy)


def run(*paths: Path) -> Result:
    given(paths)
    return CliRunner().invoke(main, ["--details", "details", "--table", "metrics/leaderboard.md"])


def test_stage(project: Path, three: list[Path]) -> None:
    result = run(*three)
    assert result.exit_code == 0, result.output
    assert result.output.startswith("metrics/leaderboard.md: systems: 3; first: cnn_bilstm_crf")
    assert (project / "metrics/leaderboard.md").read_text(encoding="utf-8") == GOLDEN


def test_stage_refuses_bad_input(project: Path, three: list[Path]) -> None:
    """Exit status, a sentence, no traceback and no table."""
    (project / "half.json").write_bytes(three[0].read_bytes()[:100])
    (project / "binary.json").write_bytes(b"\xff\xfe\x00")
    (project / "folder.json").mkdir()
    cases: list[tuple[list[Path], str]] = [
        ([], "no system"),
        ([*three, Path("half.json")], "half.json: damaged"),
        ([*three, Path("binary.json")], "binary.json: damaged"),
        ([*three, Path("folder.json")], "folder.json: cannot be read"),
        ([*three, three[0]], "stands in"),
    ]
    for paths, message in cases:
        result = run(*paths)
        assert result.exit_code == 1, (paths, result.output)
        assert message in result.output
        assert isinstance(result.exception, SystemExit)
    for params, message in [
        ("leaderboard: {order_by: tset}", "leaderboard: order_by: Input should be 'test' or 'dev'"),
        ("leaderboard: {orderby: test}", "unknown key 'orderby' (did you mean 'order_by'?)"),
        ("leaderbord: {order_by: test}", "unknown section 'leaderbord'"),
    ]:
        (project / "params.yaml").write_text(params)
        result = run(*three)
        assert result.exit_code == 1
        assert message in result.output
        assert isinstance(result.exception, SystemExit)
    assert not (project / "metrics/leaderboard.md").exists()


def test_stage_as_a_process(project: Path, three: list[Path]) -> None:
    """As DVC runs it; the table depends on the files alone, not on where Python looks first."""
    given(three)
    command = [sys.executable, "-m", "stages.leaderboard", "--details", "details"]
    command += ["--table", "t.md"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert (project / "t.md").read_text(encoding="utf-8") == GOLDEN
