"""Files of posts, hashtags and captions that are none: a sentence, or a row that says why."""

import json

import pytest

from pipeline.tables.phrases import read_phrases
from tests.stages.conftest import POST, Project


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("Bob\tB-PRE", "unknown entity type 'PRE' (did you mean 'PER'?)"),
        ("Bob\tB-MISC", "unknown entity type 'MISC'"),
        ("Bob\tPER", "'PER'"),
        ("Bob B-PER", "no tab between token and label"),
        ("Bob\t", "no label after the tab"),
        ("\tB-PER", "no token before the tab"),
        ("Bob\tB-PER\tO", "2 tabs"),
        ("   ", "a line of spaces alone"),
    ],
)
def test_a_line_that_is_no_token(project: Project, line: str, complaint: str) -> None:
    project.write("dev.txt", f"{POST.format(image='a')}\nIMGID:b1\n{line}\n")
    message = project.fails("prepare")
    assert message.startswith("dev.txt:7: ")
    assert complaint in message


def test_all_faults_of_all_files_at_once(project: Project) -> None:
    project.write("train.txt", "IMGID:a\nBob B-PER\nmet\tO\nAda\tX\n")
    project.write("test.txt", "IMGID:a\nBob\tB-PER\n\nAda\tB-PER\n")  # an IMGID line is missing
    lines = project.fails("prepare").splitlines()
    assert [line.split(" ")[0] for line in lines] == ["train.txt:2:", "train.txt:4:", "test.txt:4:"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("IMGID:1\tO\nBob\tB-PER\n", "dev.txt:1: more than an id in the IMGID line 'IMGID:1\\tO'"),
        ("IMGID:1\t\nBob\tB-PER\n", "dev.txt:1: more than an id in the IMGID line 'IMGID:1\\t'"),
        ("Bob\tB-PER\n\n-DOCSTART-\tO\n\nAda\tB-PER\n", "dev.txt:3: -DOCSTART- separates"),
        ("-DOCSTART- -X- -X- O\n\nBob\tB-PER\n", "dev.txt:1: -DOCSTART- separates documents"),
        (
            "IMGID:1\nAda\tI-PER\nKing\tI-PER\n\nIMGID:2\nPope\tI-PER\nLeo\tB-PER\n",
            "dev.txt: 2 entities begin with I- and 1 with B-, the first in the post of line 1,"
            " 'Ada' I-PER: the labels are IOB1 or IO, and BIO is read",
        ),
        ("IMGID:1\nRome\tI-LOC\n", "dev.txt: 1 entities begin with I- and 0 with B-"),
        ("IMGID:1\nhi\tO\n", "dev.txt: none of its 1 posts has an entity"),
    ],
)
def test_a_corpus_that_would_make_a_run_senseless(
    project: Project, content: str, complaint: str
) -> None:
    """Each was read in silence once: a header or a separator as a token, a split that scores 0."""
    project.write("dev.txt", content)
    assert project.fails("prepare").startswith(complaint)


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


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_split(project: Project, content: bytes) -> None:
    project.write("dev.txt", content)
    message = project.fails("prepare")
    assert message.startswith("dev.txt: no post in it")


def test_text_that_is_not_utf8(project: Project) -> None:
    project.write("dev.txt", "IMGID:a\ncafé\tO\n".encode("latin-1"))
    message = project.fails("prepare")
    assert message.startswith("dev.txt:2: byte 11 of the file, 0xe9, is not UTF-8")


def test_a_split_that_is_a_folder(project: Project) -> None:
    (project.path / "dev.txt").unlink()
    (project.path / "dev.txt").mkdir()
    assert project.fails("prepare").startswith("dev.txt: cannot be read")


def test_a_renaming_to_nowhere(project: Project) -> None:
    project.params(lambda tree: tree["prepare"].update(rename={"MISC": "OTHR"}))
    message = project.fails("prepare")
    assert "'OTHR'" in message
    assert "did you mean 'OTHER'?" in message


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


def test_captions_of_pictures_that_are_not_there(project: Project) -> None:
    project.write(
        "captions.json",
        '{"images": [{"id": 1, "file_name": "z.jpg"}], "annotations": '
        '[{"image_id": 1, "caption": "a cat"}]}',
    )
    project.write("features/caption/x", "")
    message = project.fails("train_captioner")
    assert message.startswith("captions.json: none of its 1 captions can be used")
    assert "left out, no such image: 1 (z.jpg: 'a cat')" in message


def test_a_captioner_that_is_not_there(project: Project) -> None:
    project.write("features/caption/x", "")
    project.write("models/c/x", "")
    assert project.fails("caption").startswith("models/c/captioner.json: no such file")
