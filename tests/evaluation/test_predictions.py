"""The table of predictions: what comes back, equal bytes, and every way not to fit the posts."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.corpus.posts import Post
from pipeline.errors import PipelineError
from pipeline.evaluation.predictions import (
    Prediction,
    check_predictions,
    read_predictions,
    read_setting,
    write_predictions,
)
from tests.evaluation.conftest import SETTING, Predict


def test_round_trip(tmp_path: Path, posts: Sequence[Post], predict: Predict) -> None:
    path = tmp_path / "new" / "bilstm_crf.parquet"
    rows = [*predict(13), *predict(7, {"test/0": "B-PER", "test/1": ""})]
    write_predictions(rows, path, posts, SETTING)
    found = read_predictions(path, posts)
    assert found == [*rows[6:], *rows[:6]]  # by seed, then as the posts stand
    assert found[2].predicted == ("B-PER",)
    assert found[3].predicted == ()
    schema = pq.read_schema(path)
    assert schema.names == ["post", "seed", "split", "predicted"]
    assert read_setting(path) == SETTING


def test_equal_rows_give_equal_bytes(
    tmp_path: Path, posts: Sequence[Post], predict: Predict
) -> None:
    rows = [*predict(1), *predict(2)]
    write_predictions(rows, tmp_path / "a.parquet", posts, SETTING)
    write_predictions(rows[::-1], tmp_path / "b.parquet", posts, SETTING)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_a_split_may_be_left_out_whole(posts: Sequence[Post], predict: Predict) -> None:
    check_predictions([row for row in predict(1) if row.split == "test"], posts, "here")


FAULTS = {
    "unknown post": (lambda row: replace(row, post="test/99"), "'test/99', seed 1: no such post"),
    "other split": (
        lambda row: replace(row, split="dev"),
        "'test/0', seed 1: predicted in split 'dev', but the post is in 'test'",
    ),
    "longer": (lambda row: replace(row, predicted=("O",) * 5), "5 labels for 4 tokens"),
    "label": (lambda row: replace(row, predicted=("O", "S-PER")), "label 'S-PER': expected O"),
    "given twice": (lambda row: replace(row, post="test/1"), "'test/1', seed 1: predicted twice"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_row_is_refused(
    fault: str, tmp_path: Path, posts: Sequence[Post], predict: Predict
) -> None:
    spoil, message = FAULTS[fault]
    rows = [spoil(row) if row.post == "test/0" else row for row in predict(1)]
    path = tmp_path / "p.parquet"
    with pytest.raises(PipelineError) as error:
        write_predictions(rows, path, posts, SETTING)
    assert str(error.value).startswith(f"{path}: ")
    assert message in str(error.value)
    assert not path.exists()


def test_a_missing_post_is_refused(posts: Sequence[Post], predict: Predict) -> None:
    rows = [row for row in [*predict(1), *predict(2)] if (row.post, row.seed) != ("dev/1", 2)]
    with pytest.raises(PipelineError, match="'dev/1', seed 2: no prediction"):
        check_predictions(rows, posts, "here")
    # a seed that leaves out a whole split which another seed predicts
    rows = [*predict(1), *(row for row in predict(2) if row.split == "dev")]
    with pytest.raises(PipelineError, match=r"(?s)test/0.*test/1.*test/2.*and 1 more") as error:
        check_predictions(rows, posts, "here")
    assert "test/3" not in str(error.value)


def test_no_predictions_are_refused(tmp_path: Path, posts: Sequence[Post]) -> None:
    with pytest.raises(PipelineError, match="no predictions"):
        write_predictions([], tmp_path / "p.parquet", posts, SETTING)


def test_predictions_of_an_older_corpus_are_refused(
    tmp_path: Path, posts: Sequence[Post], predict: Predict
) -> None:
    path = tmp_path / "bilstm_crf.parquet"
    write_predictions(predict(1), path, posts, SETTING)
    grown = [*posts, Post("test/4", "test", None, ("w",), ("O",), 9)]
    with pytest.raises(PipelineError, match=r"bilstm_crf.parquet.*\n.*test/4.*no prediction"):
        read_predictions(path, grown)
    shorter = [replace(p, tokens=p.tokens[:1], labels=p.labels[:1]) for p in posts]
    with pytest.raises(PipelineError, match="labels for 1 tokens"):
        read_predictions(path, shorter)


def test_damaged_files_are_refused(tmp_path: Path, posts: Sequence[Post], predict: Predict) -> None:
    path = tmp_path / "p.parquet"
    with pytest.raises(PipelineError, match=r"p\.parquet: no such file"):
        read_predictions(path, posts)
    write_predictions(predict(1), path, posts, SETTING)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(PipelineError, match=r"p\.parquet: not a sound Parquet file"):
        read_predictions(path, posts)
    pq.write_table(pa.table({"post": ["test/0"], "predicted": [["O"]]}), path)
    with pytest.raises(PipelineError, match=r"p\.parquet: expected columns post \(string\), seed"):
        read_predictions(path, posts)


def test_labels_are_kept_as_they_are(tmp_path: Path) -> None:
    post = Post("test/0", "test", None, ("a", "b"), ("I-MISC", "B-ö"), 1)
    row = Prediction("test/0", -(2**40), "test", ("I-MISC", "B-ö"))
    write_predictions([row], tmp_path / "p.parquet", [post], SETTING)
    assert read_predictions(tmp_path / "p.parquet", [post]) == [row]
