"""An exported folder predicts by itself, and tells if it is not whole."""

import json
import shutil
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.predict import Tagger
from pipeline.predict.export import export
from tests.predict.conftest import NEW, Project

TEXTS = ["I saw Anna Smith !", f"I saw {NEW} today"]


def silent(_: str) -> None: ...


def exported(project: Project, folder: Path, full: bool = False) -> Path:
    report = export(project.model, folder, full_vectors=full, say=silent)
    assert "it holds text" in str(report)
    return folder


def test_it_predicts_without_the_project(project: Project, tmp_path: Path) -> None:
    wanted = Tagger.load(project.model).predict(TEXTS)
    folder = exported(project, tmp_path / "export", full=True)
    shutil.rmtree(project.path)
    assert Tagger.load(folder).predict(TEXTS) == wanted


def test_without_full_vectors_a_new_word_is_unknown_and_that_is_said(
    trained: Project, tmp_path: Path
) -> None:
    said: list[str] = []
    tagger = Tagger.load(exported(trained, tmp_path / "export"), say=said.append)
    known, unknown = tagger.predict([TEXTS[1], TEXTS[1].replace(NEW, "qqqqqqq")])
    assert len(said) == 1
    assert "unknown words" in said[0]
    assert len(known["labels"]) == len(unknown["labels"])
    assert tagger.predict(TEXTS[:1]) == Tagger.load(trained.model).predict(TEXTS[:1])


def test_nothing_in_it_can_run(trained: Project, tmp_path: Path) -> None:
    folder = exported(trained, tmp_path / "export", full=True)
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".json", ".parquet", ".safetensors"}


@pytest.mark.parametrize("spoil", ["remove", "change"])
def test_a_copy_that_is_not_whole_is_one_sentence(
    trained: Project, tmp_path: Path, spoil: str
) -> None:
    folder = exported(trained, tmp_path / "export")
    weights = next(folder.rglob("*.safetensors"))
    if spoil == "remove":
        weights.unlink()
    else:
        weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(PipelineError, match=r"1 of \d+ files are missing or not as they were"):
        Tagger.load(folder)


def test_another_version_is_one_sentence(trained: Project, tmp_path: Path) -> None:
    folder = exported(trained, tmp_path / "export")
    path = folder / "export.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 99}))
    with pytest.raises(PipelineError, match="version 99"):
        Tagger.load(folder)


def test_a_folder_that_holds_something_is_refused(trained: Project, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("precious")
    with pytest.raises(PipelineError, match="not empty"):
        export(trained.model, tmp_path, full_vectors=False, say=silent)
    assert (tmp_path / "kept").read_text() == "precious"
