"""`mner show`: a post with all caches, with none, with bad signs in it, and lists of errors."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner, Result

from cli.show import main
from pipeline.corpus.images import Image, write_images
from pipeline.corpus.posts import Post, write_posts
from pipeline.evaluation.predictions import Prediction, write_predictions
from pipeline.fingerprint import Fingerprint, Output
from pipeline.params.mentions import GOLD
from pipeline.tables.image_words import write_image_words
from pipeline.tables.phrases import plain as phrase
from pipeline.tables.phrases import write_phrases
from pipeline.terminal import plain
from pipeline.training.setting import Setting
from tests.conftest import ROOT

SHA = "ab" * 32
SETTING = Setting("tuned", "adam 0.002", {"glove50": 50}, {})
POSTS = [
    Post("train/0", "train", None, ("hi",), ("O",), 1),
    Post(
        "test/0",
        "test",
        "cat1",
        ("Chelsea", "met", "Chelsea", "in", "Paris", "#TheCat"),
        ("B-OTHER", "O", "B-PER", "O", "B-LOC", "O"),
        1,
    ),
    Post("test/1", "test", "gone", ("\x1b]0;owned\x07", "Rome\u202e"), ("O", "B-LOC"), 9),
    Post("test/2", "test", None, ("fine",), ("O",), 12),
]
SAID = {  # seed -> the labels of test/0 and test/1; test/2 is right
    1: ("B-OTHER O B-PER O O B-ORG", "O B-LOC"),
    2: ("B-PER O B-PER O O O", "O O"),
}
KNOWLEDGE = {
    "mention": "Chelsea",
    "path": ["http://e.org/Chelsea", "^http://e.org/#livesIn", "http://e.org/Cat_Chelsea"],
    "hop": 1,
    "similarity": 0.9312,
    "triples": [{"subject": "Chelsea", "relation": "isA", "object": "cat"}],
    "reason": "",
    "mention_source": "ngrams",
}
TRIPLE = pa.struct([(part, pa.string()) for part in ("subject", "relation", "object")])
KINDS = [pa.string(), pa.list_(pa.string()), pa.int32(), pa.float32(), pa.list_(TRIPLE)]
TYPES = dict(zip(KNOWLEDGE, [*KINDS, pa.string(), pa.string()], strict=True))


def predictions(posts: list[Post], said: dict[int, tuple[str, ...]]) -> list[Prediction]:
    test = [post for post in posts if post.split == "test"]
    return [
        Prediction(post.post, seed, "test", tuple(labels.split()))
        for seed, given in said.items()
        for post, labels in zip(test, (*given, "O"), strict=True)
    ]


def write_knowledge(path: Path, row: dict[str, object]) -> None:
    columns = {name: pa.array([value], TYPES[name]) for name, value in row.items()}
    write_phrases(path, "post", "x", [("test/0", phrase(["cat"]))], columns)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Caches and predictions of four posts by one system, as the stages write them."""
    features, folder = tmp_path / "features", tmp_path / "predictions"
    write_posts(POSTS, features / "posts.parquet")
    bad = Image("gone", None, None, None, None, "missing", "there is no such file")
    write_images(
        [Image("cat1", "cat1.jpg", SHA, 640, 480, "ok", ""), bad], features / "images.parquet"
    )
    logits = {"logits": Output((2,), "float32")}
    fingerprint = Fingerprint("net", 1, "0" * 64, "crop", "pillow", "float32", logits)
    write_image_words(
        features / "tags.parquet", [SHA], [[1, 0]], [[0.75, 0.2]], ["dog", "tabby cat"], fingerprint
    )
    caption = {"caption": pa.array(["a cat on a mat"])}
    write_phrases(
        features / "captions.parquet", "image", "x", [(SHA, phrase(["a", "cat"]))], caption
    )
    write_phrases(
        features / "hashtags.parquet", "token", "x", [("#TheCat", phrase(["The", "Cat"]))]
    )
    write_knowledge(features / "knowledge.parquet", KNOWLEDGE)
    write_predictions(predictions(POSTS, SAID), folder / "cwi.parquet", POSTS, SETTING)
    return tmp_path


def mner_show(project: Path, *arguments: str, color: bool = False) -> Result:
    folders = [f"--features={project / 'features'}", f"--predictions={project / 'predictions'}"]
    return CliRunner().invoke(main, [*arguments, *folders], color=color)


def test_a_post_with_all_that_is_known_of_it(project: Path) -> None:
    told = mner_show(project, "test/0").output.splitlines()
    assert told[:9] == [
        "test/0, picture cat1, 640 x 480",
        "  [Chelsea OTHER] met [Chelsea PER] in [Paris LOC] #TheCat",
        "gold                  Chelsea (token 0) OTHER, Chelsea (token 2) PER, Paris LOC",
        "cwi                   right: Chelsea (token 0) OTHER 1/2, Chelsea (token 2) PER 2/2;"
        " wrong: Chelsea (token 0) PER 1/2, #TheCat ORG 1/2;"
        " missed: Chelsea (token 0) OTHER 1/2, Paris LOC 2/2",
        "tags                  tabby cat 75 %, dog 20 %",
        "caption               a cat on a mat",
        "hashtag               #TheCat: The Cat",
        "knowledge             Chelsea -> Chelsea --^livesIn--> Cat_Chelsea, hop 1, cosine 0.93",
        "                      (Chelsea, isA, cat)",
    ]
    assert all("predictions/" in line and "dvc repro evaluate_" in line for line in told[9:])
    assert len(told) == 9 + len(list((ROOT / "conf" / "system").iterdir())) - 1


def test_what_is_lacking_is_said_with_its_stage(project: Path) -> None:
    for name in ("tags", "captions", "hashtags", "images"):
        (project / "features" / f"{name}.parquet").unlink()
    (project / "features" / "knowledge.parquet").write_bytes(b"cut off")
    told = mner_show(project, "test/0")
    assert told.exit_code == 0
    for name, stage in {
        "tags": "tags",
        "captions": "caption",
        "hashtags": "hashtags",
        "images": "index_images",
        "knowledge": "knowledge",
    }.items():
        (line,) = (one for one in told.output.splitlines() if f"features/{name}.parquet: " in one)
        assert line.startswith("lacking  ")
        assert f"`dvc repro {stage}`" in line
    write_phrases(project / "features" / "knowledge.parquet", "post", "x", [])
    assert "has no column" in mner_show(project, "test/0").output


def test_without_the_posts_nothing_can_be_shown(tmp_path: Path) -> None:
    told = mner_show(tmp_path, "test/0")
    assert told.exit_code == 1
    assert "run `dvc repro prepare`" in told.output


def test_signs_that_a_terminal_obeys_are_spelled_out(project: Path) -> None:
    told = mner_show(project, "test/1", color=True).output
    assert r"\x1b]0;owned\x07 [Rome\u202e LOC]" in told
    assert "\x07" not in told
    assert "\u202e" not in told
    assert "picture gone, missing: there is no such file" in told
    spelled = plain("a\x9b\r\n\u2028\u2066b \t👩‍👧 שלום é")
    assert spelled == r"a\x9b\r\n\u2028\u2066b \t" + "👩‍👧 שלום é"


def test_colour_where_it_is_wanted(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    coloured = mner_show(project, "test/0", color=True).output
    assert "\x1b[32mright" in coloured
    assert "\x1b[31mwrong" in coloured
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in mner_show(project, "test/0", color=True).output


def test_knowledge_that_is_not_there_or_comes_of_the_labels(project: Path) -> None:
    path = project / "features" / "knowledge.parquet"
    write_knowledge(path, {**KNOWLEDGE, "mention_source": "gold"})
    assert GOLD in mner_show(project, "test/0").output
    none = {"path": [], "hop": None, "similarity": None, "triples": [], "reason": "no mention"}
    write_knowledge(path, {**KNOWLEDGE, **none})
    assert "knowledge             none: no mention\n" in mner_show(project, "test/0").output


def test_predictions_made_with_gold_mentions_say_so(project: Path) -> None:
    caches = {"knowledge": {"graph": "sample", "mentions": "gold"}}
    path = project / "predictions" / "cwi.parquet"
    write_predictions(predictions(POSTS, SAID), path, POSTS, replace(SETTING, caches=caches))
    for arguments in (["test/0"], ["--wrong", "cwi"]):
        assert GOLD in mner_show(project, *arguments).output


def test_a_split_that_nobody_predicted(project: Path) -> None:
    told = mner_show(project, "train/0").output
    assert told.startswith("train/0, no picture\n  hi\ngold                  none\n")
    assert "there are no predictions for train" in told
    listed = mner_show(project, "--wrong", "cwi", "--split", "dev")
    assert "no predictions for the split 'dev'" in listed.output


def test_unknown_names_are_answered_with_the_nearest(project: Path) -> None:
    told = mner_show(project, "tset/2").output
    assert "no post is called 'tset/2'; the nearest are test/2" in told
    assert "'cat1' is a picture, of the posts test/0" in mner_show(project, "cat1").output
    assert "'cwj' (did you mean 'cwi'?)" in mner_show(project, "--wrong", "cwj").output
    assert "dvc repro evaluate_trimod" in mner_show(project, "--wrong", "trimod").output
    for arguments in ([], ["test/0", "--wrong", "cwi"]):
        assert mner_show(project, *arguments).exit_code == 2


def test_posts_that_a_system_got_wrong(project: Path) -> None:
    told = mner_show(project, "--wrong", "cwi").output.splitlines()
    assert [line[:11] for line in told] == ["test/0  2/2", "test/1  1/2"]
    assert told[1].endswith(r"right: Rome\u202e LOC 1/2; missed: Rome\u202e LOC 1/2")
    limited = mner_show(project, "--wrong", "cwi", "--limit", "1").output.splitlines()
    assert limited[1:] == ["and 1 more: --limit 2 lists all"]
    path = project / "predictions" / "cwi.parquet"
    right = {1: tuple(" ".join(post.labels) for post in POSTS[1:3])}
    write_predictions(predictions(POSTS, right), path, POSTS, SETTING)
    assert mner_show(project, "--wrong", "cwi").output == "every seed got every post right\n"


def test_a_damaged_prediction_is_named(project: Path) -> None:
    path = project / "predictions" / "cwi.parquet"
    others = [replace(post, tokens=("a",), labels=("O",)) for post in POSTS]
    write_posts(others, project / "features" / "posts.parquet")
    assert (
        f"lacking               {path}: predictions and posts"
        in mner_show(project, "test/0").output
    )
