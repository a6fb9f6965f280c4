"""What another stage should have written, and networks that do not fit it: a sentence."""

from typing import Any

import pytest
from PIL import Image

from tests.stages.conftest import POST, Project


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
    project.params(lambda tree: tree["index_images"].update(on_no_image="mask"))
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
