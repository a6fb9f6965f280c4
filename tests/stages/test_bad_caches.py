"""What another stage should have written, and networks that do not fit it: a sentence."""

from PIL import Image

from tests.stages.conftest import Project


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
