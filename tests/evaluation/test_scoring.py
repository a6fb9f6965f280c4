"""From predictions to the trees of scores: worked by hand, and read back."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.corpus.posts import Post
from pipeline.errors import PipelineError
from pipeline.evaluation.predictions import Prediction
from pipeline.evaluation.results import read_result
from pipeline.evaluation.scoring import score_system, span_counts
from pipeline.files import write_json
from pipeline.metrics.significance import bootstrap_f1, mean_f1
from tests.evaluation.conftest import PICTURES, SETTING, Predict

NAMES: dict[str, Any] = {
    "system": "bilstm_crf",
    "dataset": "sample",
    "setting": SETTING,
    "pictures": PICTURES,
}

# test gold, strict: PER, LOC, ORG, LOC = 4 spans
ONE_WRONG_TYPE = {"test/2": "B-PER I-PER"}  # seed 1: 3 of 4 correct, 4 predicted: F1 75
ONE_CUT_OFF = {"test/0": "B-PER I-PER O"}  # seed 2: 3 of 4 correct, 3 predicted: F1 600/7


@pytest.fixture
def two_seeds(predict: Predict) -> list[Prediction]:
    return [*predict(2, ONE_CUT_OFF), *predict(1, ONE_WRONG_TYPE)]


def test_headline(posts: Sequence[Post], two_seeds: list[Prediction]) -> None:
    headline, _ = score_system(posts, two_seeds, **NAMES)
    assert headline == {
        "dev": {"strict": {"f1": 100.0}},
        "test": {
            "strict": {"f1": 80.36, "deviation": 7.58},  # of 75 and 85.71
            "lenient": {"f1": 84.44},  # five gold: 4 of 5 and 5, 4 of 4 and 5
            "segmentation": {"f1": 92.86},  # 100 and 85.71
        },
        "seeds": 2,
    }


def test_details(posts: Sequence[Post], two_seeds: list[Prediction]) -> None:
    _, details = score_system(posts, two_seeds, **NAMES)
    test = details["splits"]["test"]
    assert (details["system"], details["dataset"], details["seeds"]) == (
        "bilstm_crf",
        "sample",
        [1, 2],
    )
    assert details["setting"] == SETTING.to_dict()
    assert (test["posts"], test["with_image"]) == (4, 2)  # one lacks an image, one a usable one
    assert details["splits"]["dev"]["posts"] == 2
    assert [test["by_seed"][seed]["truncated"] for seed in ("1", "2")] == [0, 1]
    by_type = test["by_seed"]["1"]["strict"]["by_type"]
    assert {name: leaf["gold"] for name, leaf in by_type.items()} == {"LOC": 2, "ORG": 1, "PER": 1}
    assert by_type["PER"]["precision"] == 50.0
    over = test["over_seeds"]["strict"]["by_type"]
    assert over["LOC"]["recall"] == {"mean": 75.0, "deviation": 35.36}
    assert over["ORG"]["f1"] == {"mean": 50.0, "deviation": 70.71}
    assert test["over_seeds"]["segmentation"]["by_type"] == {}


def test_one_seed_has_a_null_deviation(posts: Sequence[Post], predict: Predict) -> None:
    headline, _ = score_system(posts, predict(1), **NAMES)
    assert headline["test"]["strict"] == {"f1": 100.0, "deviation": None}
    assert headline["seeds"] == 1


def test_details_are_read_back(
    tmp_path: Path, posts: Sequence[Post], two_seeds: list[Prediction]
) -> None:
    headline, details = score_system(posts, two_seeds, **NAMES)
    write_json(tmp_path / "d.json", details)
    result = read_result(tmp_path / "d.json")
    assert result.details() == details
    assert result.headline() == headline
    again = [replace(row) for row in reversed(two_seeds)]
    assert score_system(posts, again, **NAMES) == (headline, details)


@pytest.mark.parametrize("part", ["name", "token", "label", "post"])
def test_the_digest_tells_corpora_apart(part: str, posts: list[Post], predict: Predict) -> None:
    before = score_system(posts, predict(1), **NAMES)[1]["splits"]
    last = posts[-1]
    other = {
        "name": replace(last, post="test/7"),
        "token": replace(last, tokens=("other", *last.tokens[1:])),
        "label": replace(last, labels=("O", *last.labels[1:])),
        "post": replace(last, tokens=last.tokens[:2], labels=last.labels[:2]),
    }[part]
    changed = [*posts[:-1], other]
    rows = [
        replace(row, post=other.post, predicted=other.labels) if row.post == last.post else row
        for row in predict(1)
    ]
    after = score_system(changed, rows, **NAMES)[1]["splits"]
    assert after["test"]["gold_sha256"] != before["test"]["gold_sha256"]
    assert after["dev"] == before["dev"]


def test_both_splits_must_be_predicted(posts: Sequence[Post], predict: Predict) -> None:
    for split, other in (("dev", "test"), ("test", "dev")):
        rows = [row for row in predict(1) if row.split == split]
        with pytest.raises(PipelineError, match=f"bilstm_crf: no predictions.*{other!r}"):
            score_system(posts, rows, **NAMES)
    with pytest.raises(PipelineError, match="bilstm_crf: no predictions"):
        score_system(posts, [], **NAMES)
    with pytest.raises(PipelineError, match="no prediction"):
        score_system(posts, predict(1)[:-1], **NAMES)


def test_span_counts(posts: Sequence[Post], two_seeds: list[Prediction]) -> None:
    counts = span_counts(posts, two_seeds, "test")
    assert counts.tolist() == [
        [[2, 2, 2], [0, 0, 0], [0, 1, 1], [1, 1, 1]],  # seed 1
        [[1, 1, 2], [0, 0, 0], [1, 1, 1], [1, 1, 1]],  # seed 2
    ]
    assert counts.dtype == np.int64
    headline, _ = score_system(posts, two_seeds, **NAMES)
    assert round(float(mean_f1(counts.sum(axis=1))), 2) == headline["test"]["strict"]["f1"]
    assert bootstrap_f1(counts, replicates=200).value == pytest.approx(80.357, abs=1e-3)
    assert span_counts(posts, two_seeds, "test", "lenient")[0, 3].tolist() == [2, 2, 2]
    assert span_counts(posts, two_seeds, "test", "segmentation")[0, 2].tolist() == [1, 1, 1]
    with pytest.raises(PipelineError, match="no predictions for the split 'train'"):
        span_counts(posts, two_seeds, "train")


def without_seeds(text: str) -> str:
    details = json.loads(text) | {"seeds": []}
    for split in details["splits"].values():
        split["by_seed"] = {}
    return json.dumps(details)


SPOILED = {
    "no JSON": lambda text: text[:-9],
    "a list": lambda text: "[]",
    "nothing in it": lambda text: "{}",
    "a headline": lambda text: '{"test": {"strict": {"f1": 1.0}}}',
    "a changed ratio": lambda text: text.replace("85.71", "95.71"),
    "a changed count": lambda text: text.replace('"correct": 3', '"correct": 4'),
    "a key too many": lambda text: text.replace("{", '{"more": 1,', 1),
    "a key too few": lambda text: text.replace('"posts"', '"post"'),
    "no seeds": without_seeds,
    "another key of the setting": lambda text: text.replace('"optimizer"', '"optimiser"'),
}


@pytest.mark.parametrize("fault", SPOILED)
def test_spoiled_details_are_refused(
    fault: str, tmp_path: Path, posts: Sequence[Post], two_seeds: list[Prediction]
) -> None:
    path = tmp_path / "d.json"
    write_json(path, score_system(posts, two_seeds, **NAMES)[1])
    text = path.read_text()
    path.write_text(SPOILED[fault](text))
    assert path.read_text() != text
    with pytest.raises(PipelineError, match=r"d\.json: "):
        read_result(path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"d\.json: no such file"):
        read_result(tmp_path / "d.json")
    with pytest.raises(PipelineError, match="cannot be read"):
        read_result(tmp_path)
