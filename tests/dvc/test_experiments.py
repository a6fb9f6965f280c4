"""`dvc exp run -S` composes params.yaml from conf/ and runs what that changed."""

import shutil

import pytest
import yaml

from tests.dvc.workspace import Workspace

pytestmark = pytest.mark.dvc


def test_a_value(workspace: Workspace) -> None:
    done = workspace.dvc("exp", "run", "-S", "tags.top_k=3")
    assert done.ran == {"tags"}
    assert workspace.params()["tags"] == {"top_k": 3}
    assert workspace.git("diff", "--name-only").output.split() == ["dvc.lock", "params.yaml"]


def test_another_corpus(workspace: Workspace) -> None:
    """The paths and the types of the group `dataset` come with it."""
    corpus = workspace.path / "data" / "twitter2015"
    shutil.copytree(workspace.path / "samples" / "posts", corpus)
    for path in corpus.glob("*.txt"):
        path.write_text(path.read_text("utf-8").replace("-OTHER", "-MISC"), encoding="utf-8")
    done = workspace.dvc("exp", "run", "-S", "dataset=twitter2015", "vocab")
    assert done.ran == {"prepare"}  # MISC became OTHER again, so that the posts came out equal
    composed = yaml.safe_load((workspace.path / "conf/dataset/twitter2015.yaml").read_text("utf-8"))
    params = workspace.params()
    assert params["dataset"] == composed["dataset"]
    assert params["prepare"] == composed["prepare"]
    assert params["train"] == {"seeds": [1]}  # the rest is as conf/ has it


def test_an_unknown_key_is_refused(workspace: Workspace) -> None:
    before = workspace.params()
    refused = workspace.dvc("exp", "run", "-S", "tags.topk=3", fails=True)
    assert "topk" in refused.output
    assert refused.ran == set()
    assert workspace.params() == before
