"""A params.yaml that a stage does not take ends it with a sentence that names the key."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.stages.conftest import Project

Change = Callable[[dict[str, Any]], None]


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
