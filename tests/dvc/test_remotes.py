"""A team shares its caches over S3 and over SSH: servers on loopback, real clones."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.dvc.servers import Remote, s3_server, ssh_server
from tests.dvc.workspace import Workspace

pytestmark = pytest.mark.dvc

SYSTEM = "adaptive_coattention"
TRAIN = ("repro", "--pull", "--allow-missing", f"evaluate_{SYSTEM}")  # as in docs/sharing.md
SHARED = ("extract@regions", "vectors@glove50", "vocab", "prepare", "index_images")


@pytest.fixture(scope="module", params=["s3", "ssh"])
def remote(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Remote]:
    with ExitStack() as stack:
        place = tmp_path_factory.mktemp("server")
        yield stack.enter_context(s3_server() if request.param == "s3" else ssh_server(place))


@pytest.fixture(scope="module")
def published(
    reproduced: Workspace, remote: Remote, tmp_path_factory: pytest.TempPathFactory
) -> Workspace:
    """The first repository, whose caches for one system are pushed."""
    copy = reproduced.copy(tmp_path_factory.mktemp("published") / "project")
    made = Workspace(copy.path, {**copy.env, **remote.env})
    made.dvc("remote", "add", "--default", "store", remote.url)
    for name, value in remote.settings.items():
        made.dvc("remote", "modify", "store", name, value)
    made.commit("A remote")
    made.dvc("push", *SHARED)
    return made


@pytest.fixture
def teammate(published: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A clone without images."""
    made = Workspace(tmp_path_factory.mktemp("teammate") / "clone", published.env)
    published.git("clone", "--quiet", str(published.path), str(made.path))
    return made


def test_a_teammate_trains_on_what_was_pushed(published: Workspace, teammate: Workspace) -> None:
    teammate.change({f"systems.{SYSTEM}.model.dropout": 0.3})
    assert teammate.dvc(*TRAIN).ran == {f"train_{SYSTEM}", f"evaluate_{SYSTEM}"}
    store = published.files("features/regions")
    assert teammate.files("features/regions") == store
    teammate.dvc("repro", "--single-item", f"train_{SYSTEM}")
    assert "answers" in teammate.run("python", "-m", "cli", "doctor").output


def test_half_a_pull_is_refused_and_pulled_whole(published: Workspace, teammate: Workspace) -> None:
    whole = published.files("features/regions")
    teammate.dvc("pull", *SHARED)
    lost = max(path for path in whole if path.endswith(".h5"))
    (teammate.path / lost).unlink()
    refused = teammate.dvc("repro", "--single-item", f"train_{SYSTEM}", fails=True)
    assert "features/regions: 1 of 2 shards are not there" in refused.output
    teammate.dvc("pull", "features/regions")
    assert teammate.files("features/regions") == whole
