"""A project works wherever it lies, and however it is reached; a corpus under data/ is DVC's."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.dvc.workspace import IMAGES, ROOT, Workspace

pytestmark = pytest.mark.dvc

FIRST = ("code", "prepare", "index_images", "extract@tags")
STRANGE = "Ännchen's Bilder [1] (für uns)"


@pytest.fixture(scope="module")
def plain(composed: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The first stages, run at a plain place. Leave it so."""
    made = composed.copy(tmp_path_factory.mktemp("plain") / "project")
    made.repro(*FIRST)
    return made


def moved_posts_and_images(workspace: Workspace) -> Workspace:
    """The corpus lies at paths that a shell would take apart."""
    data = workspace.path / "data" / STRANGE
    (workspace.path / "data" / "images").rename(data)
    posts = workspace.path / "samples" / STRANGE
    (workspace.path / "samples" / "posts").rename(posts)
    changes = {
        f"dataset.{split}": f"samples/{STRANGE}/{split}.txt" for split in ("train", "dev", "test")
    }
    workspace.change({"dataset.images": f"data/{STRANGE}", **changes})
    return workspace


def moved_project(workspace: Workspace) -> Workspace:
    return Workspace(workspace.path.rename(workspace.path.with_name(STRANGE)), workspace.env)


def linked_images(workspace: Workspace) -> Workspace:
    """The images lie outside, and a link leads there."""
    images = workspace.path / "data" / "images"
    images.rename(workspace.path.with_name("elsewhere"))
    images.symlink_to(workspace.path.with_name("elsewhere"))
    return workspace


def linked_project(workspace: Workspace) -> Workspace:
    alias = workspace.path.with_name("alias")
    alias.symlink_to(workspace.path)
    return Workspace(alias, workspace.env)


@pytest.mark.parametrize(
    "place", [moved_posts_and_images, moved_project, linked_images, linked_project]
)
def test_the_same_bytes_at_any_place(
    composed: Workspace,
    plain: Workspace,
    tmp_path: Path,
    place: Callable[[Workspace], Workspace],
) -> None:
    workspace = place(composed.copy(tmp_path / "project"))
    assert workspace.repro(*FIRST).ran >= {"prepare", "index_images", "extract@tags"}
    assert workspace.files("features/tags") == plain.files("features/tags")
    for name in ("posts.parquet", "images.parquet"):
        path = Path("features") / name
        assert (workspace.path / path).read_bytes() == (plain.path / path).read_bytes()
    assert workspace.dvc("repro", *FIRST).ran == set()


def test_another_working_directory_is_told(plain: Workspace) -> None:
    """DVC looks for dvc.yaml where it is called, and a stage for params.yaml."""
    inside = Workspace(plain.path / "features", {**plain.env, "PYTHONPATH": str(ROOT)})
    assert "dvc.yaml" in inside.dvc("repro", "prepare", fails=True).output
    assert inside.dvc("repro", "../dvc.yaml:prepare").ran == set()
    said = inside.run("python", "-m", "cli", "doctor", "--offline", fails=True).output
    assert "params.yaml: no such file; run from the project's root" in said


def test_a_clone_of_a_machine_that_changes_line_ends(composed: Workspace, tmp_path: Path) -> None:
    """Git for Windows asks for it: each file's hash, and with it each stage, would be another."""
    clone = Workspace(tmp_path / "clone", composed.env)
    settings = ("-c", "core.autocrlf=true", "-c", "core.eol=crlf")
    composed.git("clone", "--quiet", *settings, str(composed.path), str(clone.path))
    files = clone.git("ls-files", "-z").output.rstrip("\0").split("\0")
    assert len(files) > 100
    for name in files:
        assert (clone.path / name).read_bytes() == (composed.path / name).read_bytes(), name


def test_a_corpus_under_data_is_tracked_by_dvc_and_runs_elsewhere(
    composed: Workspace, tmp_path: Path
) -> None:
    """`dvc exp run --temp`, as a queue does, takes along what Git and DVC track, and no more."""
    workspace = composed.copy(tmp_path / "project")
    assert workspace.git("status", "--porcelain").output == ""  # no image is Git's
    workspace.dvc("add", "data/images")
    workspace.commit("The images")
    tracked = workspace.git("ls-files", "data").output.split()
    assert tracked == ["data/.gitignore", "data/images.dvc"]
    shutil.rmtree(workspace.path / "data" / "images")
    workspace.dvc("checkout", "data/images.dvc")
    assert len(workspace.files("data/images")) == IMAGES
    done = workspace.dvc("exp", "run", "--temp", "index_images")
    assert "index_images" in done.ran
