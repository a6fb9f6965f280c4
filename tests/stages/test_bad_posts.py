"""Files of posts, hashtags and captions that are none: a sentence, or a row that says why."""

import json

import pytest

from pipeline.tables.phrases import read_phrases
from tests.stages.conftest import POST, Project


def test_all_faults_of_all_files_at_once(project: Project) -> None:
    project.write("train.txt", "IMGID:a\nBob B-PER\nmet\tO\nAda\tX\n")
    project.write("test.txt", "IMGID:a\nBob\tB-PER\n\nAda\tB-PER\n")  # an IMGID line is missing
    lines = project.fails("prepare").splitlines()
    assert [line.split(" ")[0] for line in lines] == ["train.txt:2:", "train.txt:4:", "test.txt:4:"]


@pytest.mark.slow
def test_a_type_that_test_alone_has_is_scored(project: Project) -> None:
    """It was refused once, after the training, with the advice to learn words of test."""
    project.write("test.txt", f"{POST.format(image='a')}\nIMGID:a\nNASA\tB-ORG\n")
    project.params(lambda tree: tree["train"].update(max_epochs=1, seeds=[1]))
    project.params(lambda tree: tree["systems"]["bilstm_crf"].update(vectors=["mine"]))
    for stage in ("prepare", "vocab", "vectors", "train", "evaluate"):
        project.passes(stage)
    details = json.loads((project.path / "metrics/d.json").read_text("utf-8"))
    by_type = details["splits"]["test"]["by_seed"]["1"]["strict"]["by_type"]
    assert (by_type["ORG"]["gold"], by_type["ORG"]["correct"]) == (1, 0)


def test_odd_hashtags_are_counted_and_kept(project: Project) -> None:
    long = "#" + "ha" * 100
    post = f"IMGID:a\nBob\tB-PER\n{long}\tO\n#\N{PARTY POPPER}\tO\n#GoLeafs\tO\n#\tO\n"
    project.write("dev.txt", post)
    project.passes("prepare")
    project.params(lambda tree: tree["hashtags"].update(segmenter="camel"))
    project.write("models/s/x", "")
    report = project.passes("hashtags")
    assert "3 different hashtags, 1 of several words" in report
    assert "2 kept as they stand, 1 no letter or digit, 1 too long" in report
    rows = read_phrases(project.path / "features" / "hashtags.parquet").rows
    assert rows[long].words == (long[1:],)
    assert rows["#\N{PARTY POPPER}"].words == ("\N{PARTY POPPER}",)
    assert rows["#GoLeafs"].words == ("Go", "Leafs")


def test_a_captioner_that_is_not_there(project: Project) -> None:
    project.write("features/caption/x", "")
    project.write("models/c/x", "")
    assert project.fails("caption").startswith("models/c/captioner.json: no such file")
