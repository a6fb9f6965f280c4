"""The whole chain behind every system: posts of the corpus come out as `evaluate` has them."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.corpus.posts import read_posts
from pipeline.evaluation.predictions import read_predictions
from tests.dvc.workspace import SYSTEMS, Workspace

pytestmark = [pytest.mark.dvc, pytest.mark.slow]

TEST = "samples/posts/test.txt"


def predict(
    workspace: Workspace, model: str | Path, out: Path, *words: str
) -> list[dict[str, Any]]:
    given = (*words, "--images", "data/images", "--bad-image", "mask", "--output", out)
    workspace.run(sys.executable, "-m", "cli", "predict", "--model", model, TEST, *given)
    return [json.loads(line) for line in out.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("system", SYSTEMS)
def test_labels_are_those_of_evaluate(reproduced: Workspace, system: str, tmp_path: Path) -> None:
    posts = read_posts(reproduced.path / "features" / "posts.parquet")
    table = read_predictions(reproduced.path / "predictions" / f"{system}.parquet", posts)
    wanted = {row.post: list(row.predicted) for row in table if row.split == "test"}
    found = predict(reproduced, f"models/{system}", tmp_path / "out.jsonl", "--explain")
    assert {row["id"]: row["labels"] for row in found} == wanted
    assert all("looked" in row["explained"] for row in found)


@pytest.mark.parametrize("system", ["attributes_knowledge", "trimod"])
def test_an_export_predicts_in_a_clone_without_caches(
    reproduced: Workspace, system: str, tmp_path: Path
) -> None:
    wanted = predict(reproduced, f"models/{system}", tmp_path / "one.jsonl")
    clone = reproduced.copy(tmp_path / "clone")
    clone.run(sys.executable, "-m", "cli", "export", f"models/{system}", tmp_path / "export")
    for folder in ("features", "models", "predictions"):
        shutil.rmtree(clone.path / folder)
    (clone.path / "params.yaml").unlink()
    assert predict(clone, tmp_path / "export", tmp_path / "two.jsonl") == wanted


def test_another_backbone_is_one_sentence(workspace: Workspace) -> None:
    workspace.change({"extract.tags.resize": "stretch"})
    words = ("predict", "--model", "models/cwi", TEST, "--images", "data/images")
    done = workspace.run(sys.executable, "-m", "cli", *words, fails=True)
    assert "trained on image_words with backbone efficientnet_lite0" in done.output


def test_a_broken_picture_is_an_error_of_its_row(workspace: Workspace, tmp_path: Path) -> None:
    picture = sorted((workspace.path / "data" / "images").iterdir())[0]
    (tmp_path / "broken.jpg").write_bytes(picture.read_bytes()[:300])
    shutil.copy(picture, tmp_path / "sound.jpg")
    rows = [{"text": "Hi Rome", "image": name} for name in ("broken.jpg", "sound.jpg", "no.jpg")]
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = workspace.run(sys.executable, "-m", "cli", "predict", "--model", "models/cwi", source)
    lines = [json.loads(line) for line in done.output.splitlines() if line.startswith("{")]
    assert ["error" in line for line in lines] == [True, False, True]
    assert "no such file" in lines[2]["error"]
