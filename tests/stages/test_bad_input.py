"""Bad input ends a stage with exit status 1 and a sentence, or in a row that says what is wrong."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pipeline.corpus.images import read_images
from pipeline.corpus.posts import read_posts
from pipeline.tables.phrases import plain, read_phrases, write_phrases
from tests.stages.conftest import COMMANDS, POST, ROOT, Project, sentence

Change = Callable[[dict[str, Any]], None]
MADE_UP = (  # files that stages expect
    "features/tags/x",
    "features/hashtags.parquet",
    "features/graph/x",
    "features/label_index/x",
    "features/depictions.parquet",
    "features/entity_images.parquet",
    "features/entity_images/x",
    "features/mentions.parquet",
    "features/caption/x",
    "captions.json",
    "graph.nt",
    "models/c/x",
    "models/m/x",
    "models/s/x",
    "metrics/details/d.json",
)


# Importing torch takes longer than most of these stages work.
TORCHLESS = {"graph", "label_index", "mentions", "vocab", "vectors", "phrase_vectors"}


@pytest.mark.parametrize("stage", sorted(COMMANDS))
def test_as_a_command(project: Project, stage: str) -> None:
    """As DVC runs them, in a process of their own; here with a fault that they all see."""
    project.params(lambda tree: tree.update(seeds=[1]))
    for name in MADE_UP:
        project.write(name, "{}")
    if stage in TORCHLESS:
        project.write("torch.py", "raise ImportError('this stage needs no torch')")
    done = subprocess.run(
        [sys.executable, "-m", f"stages.{stage}", *COMMANDS[stage].split()],
        cwd=project.path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert sentence(done.stderr).startswith("params.yaml: unknown section 'seeds'")
    assert not done.stdout


# ---- posts


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


@pytest.mark.parametrize("stage", sorted(COMMANDS))
def test_inputs_that_are_not_there(tmp_path: Path, stage: str) -> None:
    """In an empty folder, every stage is refused, with the option that names what is missing."""
    done = Project(tmp_path).call(stage)
    assert done.exit_code == 2  # click's, for a fault of the command line
    assert "does not exist" in done.stderr
    assert not list(tmp_path.iterdir())


# ---- hashtags and captions


def test_odd_hashtags_are_counted_and_kept(project: Project) -> None:
    long = "#" + "ha" * 100
    post = f"IMGID:a\n{long}\tO\n#\N{PARTY POPPER}\tO\n#GoLeafs\tO\n#\tO\n"
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


# ---- images


def truncated(path: Path) -> bytes:
    content = path.read_bytes()
    return content[: len(content) // 2]


SPOILED: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "truncated": (truncated, "truncated"),
    "text": (lambda _: b"This is no photograph.\n", "not_an_image"),
    "empty": (lambda _: b"", "empty"),
    "header": (lambda path: path.read_bytes()[:20], "corrupt"),
}


@pytest.mark.parametrize("kind", SPOILED)
def test_a_spoiled_image_is_masked_or_an_error(project: Project, kind: str) -> None:
    spoil, status = SPOILED[kind]
    image = project.path / "images" / "a.jpg"
    image.write_bytes(spoil(image))

    report = project.passes("index_images")
    assert f"a.jpg: {status}: " in report
    rows = {row.image: row for row in read_images(project.path / "features" / "images.parquet")}
    assert set(rows) == {"a", "b0", "b1", "b2"}
    assert (rows["a"].status, rows["a"].sha256) == (status, None)
    assert rows["a"].reason
    counted = json.loads((project.path / "features" / "images.json").read_text("utf-8"))
    assert counted["images"] == {"ok": 3, status: 1}
    assert counted["posts"] == {"all": 6, "with_image": 6, "usable": 3}

    project.params(lambda tree: tree["index_images"].update(on_bad_image="error"))
    message = project.fails("index_images")
    assert message.startswith("1 images cannot be used:")
    assert f"a.jpg: {status}: " in message
    assert "index_images.on_bad_image: mask" in message


def test_an_unknown_image_id_is_masked_or_an_error(project: Project) -> None:
    project.write("dev.txt", POST.format(image="nowhere"))
    project.passes("prepare")
    assert "nowhere: missing: " in project.passes("index_images")
    rows = {row.image: row for row in read_images(project.path / "features" / "images.parquet")}
    assert rows["nowhere"].status == "missing"
    posts = read_posts(project.path / "features" / "posts.parquet")
    assert [post.image for post in posts if post.split == "dev"] == ["nowhere"]  # never dropped

    project.params(lambda tree: tree["index_images"].update(on_bad_image="error"))
    assert "nowhere: missing: " in project.fails("index_images")


def test_too_many_pixels(project: Project) -> None:
    project.params(lambda tree: tree["index_images"].update(max_pixels=2000))
    Image.new("RGB", (10, 10)).save(project.path / "images" / "small.png")
    assert "a.jpg: too_large: 60 x 40 pixels" in project.passes("index_images")


@pytest.mark.parametrize(
    ("left", "complaint"),
    [
        ([], "images: no image in this folder"),
        (["readme.txt", ".hidden.jpg"], "images: no image in this folder"),
        (None, "images: no such folder"),
    ],
)
def test_a_folder_without_images(project: Project, left: list[str] | None, complaint: str) -> None:
    folder = project.path / "images"
    for path in folder.iterdir():
        path.unlink()
    for name in left or []:
        project.write(f"images/{name}", "x")
    if left is None:
        folder.rmdir()
    message = project.fails("index_images")
    assert message.startswith(complaint)
    assert "dvc pull images" in message


# ---- words


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("bob 1 2\nada 3 4\n", "mine.txt:1: its vectors have width 2, but params say 3"),
        ("2 4\nbob 1 2 3 4\nada 1 2 3 4\n", "mine.txt:1: its vectors have width 4"),
        ("bob 1 2 3\nada 4 5\n", "mine.txt:2: 2 numbers, but params say width 3"),
        ("bob 1 2 3\nada 4 5 6", "mine.txt:2: the file ends without a newline"),
        ("bob 1 2 3\nada 4 x 6\n", "mine.txt:2: 'x' is not a number"),
        ("3 3\nbob 1 2 3\n", "mine.txt:1: it promises 3 rows, but 1 are there"),
        ("zoe 1 2 3\n", "mine.txt: has none of the 3 words in use"),
        ("", "mine.txt: the file is empty"),
        (b"PK\x03\x04rest", "mine.txt: a zip archive"),
        (b"\x1f\x8b\x08\x00rest", "mine.txt: the gzip data are cut short"),
    ],
)
def test_vectors_that_are_none(project: Project, content: str | bytes, complaint: str) -> None:
    project.write("mine.txt", content)
    assert project.fails("vectors").startswith(complaint)


def test_vectors_of_no_known_source(project: Project) -> None:
    message = project.fails("vectors", source="mien")
    assert message.startswith("params.yaml: vectors.sources has no 'mien' (did you mean 'mine'?)")


def test_vectors_of_phrases(project: Project) -> None:
    table = project.path / "features/hashtags.parquet"
    write_phrases(table, "token", "00", [("#MetAda", plain(["met", "Ada"]))])
    report = project.passes("phrase_vectors")
    assert report.startswith("2 of 2 words in use found (100.0 %)")
    assert "(hashtags 100.0 %)" in report
    message = project.fails("phrase_vectors", source="mien")
    assert message.startswith("params.yaml: vectors.sources has no 'mien' (did you mean 'mine'?)")
    table.write_bytes(table.read_bytes()[:-9])
    assert "hashtags.parquet: not a sound Parquet file" in project.fails("phrase_vectors")


def test_a_package_of_vectors_that_is_not_installed(project: Project) -> None:
    source = {"kind": "package", "path": "mine.txt", "package": "no_such_vectors", "width": 3}
    project.params(lambda tree: tree["vectors"]["sources"].update(mine=source))
    assert "pip install no-such-vectors" in project.fails("vectors")


def test_a_split_without_posts_gives_no_vocabulary(project: Project) -> None:
    project.params(lambda tree: tree["vocab"].update(splits=[]))
    assert "splits" in project.fails("vocab")


# ---- params.yaml


@pytest.mark.parametrize(
    ("stage", "change", "complaint"),
    [
        (
            "prepare",
            lambda tree: tree["prepare"].update(renames={}),
            "params.yaml: prepare: unknown key 'renames' (did you mean 'rename'?)",
        ),
        (
            "index_images",
            lambda tree: tree["index_images"].update(on_bad_images="mask"),
            "params.yaml: index_images: unknown key 'on_bad_images' (did you mean 'on_bad_image'?)",
        ),
        (
            "index_images",
            lambda tree: tree["runtime"].update(worker=2),
            "params.yaml: runtime: unknown key 'worker' (did you mean 'workers'?)",
        ),
        (
            "vocab",
            lambda tree: tree["vocab"]["normalize"].update(lowercased=True),
            "params.yaml: vocab: unknown key 'normalize.lowercased' (did you mean 'lowercase'?)",
        ),
        (
            "vectors",
            lambda tree: tree["vectors"]["sources"]["mine"].update(widht=3),
            "params.yaml: vectors: unknown key 'sources.mine.widht' (did you mean 'width'?)",
        ),
        (
            "vocab",
            lambda tree: tree.update(vocabulary={}),
            "params.yaml: unknown section 'vocabulary' (did you mean 'vocab'?)",
        ),
        (
            "vocab",
            lambda tree: tree.pop("vocab"),
            "params.yaml: section 'vocab' is missing",
        ),
        (
            "vocab",
            lambda tree: tree["vocab"].update(min_count="few"),
            "params.yaml: vocab: min_count: Input should be a valid integer",
        ),
    ],
)
def test_params_that_no_stage_reads(
    project: Project, stage: str, change: Change, complaint: str
) -> None:
    project.params(change)
    assert project.fails(stage).startswith(complaint)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "params.yaml: no such file; run from the project's root"),
        (b"", "params.yaml: expected a mapping of sections"),
        (b"vocab: [\n", "params.yaml: not valid YAML"),
        (b"# caf\xe9\nvocab: {}\n", "params.yaml: "),
        (b"vocab: {}\n2015: {}\n", "params.yaml: unknown section 2015"),
    ],
)
def test_no_params(project: Project, content: bytes | None, complaint: str) -> None:
    path = project.path / "params.yaml"
    path.unlink() if content is None else path.write_bytes(content)
    assert project.fails("vocab").startswith(complaint)


# ---- tables of another stage


@pytest.mark.parametrize(
    ("stage", "table"),
    [
        ("index_images", "features/posts.parquet"),
        ("vocab", "features/posts.parquet"),
        ("vectors", "features/vocab/words.parquet"),
    ],
)
@pytest.mark.parametrize("content", [b"", b"no table"])
def test_a_table_that_is_none(project: Project, stage: str, table: str, content: bytes) -> None:
    project.write(table, content)
    assert table in project.fails(stage)


def test_a_table_of_something_else(project: Project) -> None:
    project.write("features/posts.parquet", (project.path / "features/images.parquet").read_bytes())
    assert "features/posts.parquet" in project.fails("vocab")


@pytest.mark.parametrize("content", ["", "[]", '{"system": "m"}', '{"system": NaN}'])
def test_details_that_are_none(project: Project, content: str) -> None:
    project.write("metrics/details/d.json", content)
    assert project.fails("leaderboard").startswith("metrics/details/d.json: ")


# ---- networks


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"backbone": "efficientnet_lite"}, "did you mean 'efficientnet_lite0'?"),
        ({"backbone": "vgg16", "outputs": ["grid"]}, "vgg16"),  # whose weights are not here
        ({"outputs": ["logit"]}, "did you mean 'logits'?"),
    ],
)
def test_an_extraction_that_cannot_be(
    project: Project, change: dict[str, Any], complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(project.path / "hub"))
    project.params(lambda tree: tree["extract"]["tags"].update(change))
    message = project.fails("extract")
    assert complaint in message
    if "vgg16" in complaint:
        assert f"put it into {project.path / 'hub'}" in message


def test_nothing_to_extract(project: Project) -> None:
    for path in (project.path / "images").iterdir():
        path.write_bytes(b"")
    project.passes("index_images")
    message = project.fails("extract")
    assert message == "features/images.parquet: none of its 4 images can be used"


def test_an_image_that_changed_since_it_was_indexed(project: Project) -> None:
    Image.new("RGB", (50, 50)).save(project.path / "images" / "a.jpg")
    message = project.call("extract").stderr  # what the store holds by then is no fault
    assert "images/a.jpg: changed since index_images saw it" in message


def test_a_store_that_is_none(project: Project) -> None:
    (project.path / "features" / "tags").mkdir()
    assert project.fails("tags").startswith("features/tags: no feature store, or not all of it")


def test_a_system_that_is_none(project: Project) -> None:
    message = project.fails("train", system="bilstm_cfr")
    assert message.startswith("unknown system 'bilstm_cfr' (did you mean 'bilstm_crf'?)")


def test_an_unknown_key_of_a_system(project: Project) -> None:
    project.params(lambda tree: tree["systems"]["bilstm_crf"]["model"].update(droput=0.1))
    message = project.fails("train")
    assert "unknown key 'model.droput' (did you mean 'dropout'?)" in message


def test_vectors_of_another_vocabulary(project: Project) -> None:
    project.write("train.txt", POST.format(image="a").replace("Bob", "Zoe"))
    project.passes("prepare")
    project.passes("vocab")
    project.params(lambda tree: tree["systems"]["bilstm_crf"].update(vectors=["mine"]))
    message = project.fails("train")
    assert message.startswith("features/vectors/mine.parquet: 1 words of the vocabulary")


def test_a_model_that_is_none(project: Project) -> None:
    (project.path / "models" / "m").mkdir(parents=True)
    assert project.fails("evaluate").startswith("models/m/system.json: no such file")
