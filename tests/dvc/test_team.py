"""What people do to stores: a parameter changed by mistake, two stores put together, growth."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.fingerprint import Fingerprint, Output
from pipeline.store.store import Store
from tests.dvc.workspace import Workspace, sample_images
from tests.store.oracle import keys

pytestmark = pytest.mark.dvc

SYSTEM = "adaptive_coattention"
TRAIN = ("repro", "--allow-missing", f"evaluate_{SYSTEM}")


@pytest.mark.parametrize(
    ("images", "changes", "missing"),
    [
        (False, {"extract.regions.precision": "bfloat16"}, "data/images"),
        (False, {"extract.regions.resize": "stretch"}, "data/images"),
        (True, {"extract.regions.backbone": "vgg16"}, "vgg16-397923af.pth is not on this machine"),
        (True, {"extract.regions.outputs": ["grids"]}, "'grids'"),
    ],
)
def test_an_extraction_changed_by_mistake_costs_nothing(
    workspace: Workspace, tmp_path: Path, images: bool, changes: Mapping[str, Any], missing: str
) -> None:
    """One message says what is missing, nothing is deleted, and changing it back undoes it."""
    if not images:
        shutil.rmtree(workspace.path / "data")
    params = (workspace.path / "params.yaml").read_bytes()
    store, locked = workspace.files("features/regions"), workspace.lock()
    workspace.change(changes)
    refused = workspace.dvc(*TRAIN, fails=True, env={"TORCH_HOME": str(tmp_path)})
    assert missing in refused.output
    assert f"train_{SYSTEM}" not in refused.ran
    assert workspace.files("features/regions") == store
    assert workspace.lock() == locked
    (workspace.path / "params.yaml").write_bytes(params)
    assert workspace.dvc(*TRAIN).ran == set()


def test_two_people_put_their_stores_together(workspace: Workspace, tmp_path: Path) -> None:
    """Each has images that the other lacks; then neither needs the other's, nor a network."""
    yours = workspace.copy(tmp_path / "yours")
    here, there = workspace.path / "data" / "images", yours.path / "data" / "images"
    held = {path.read_bytes() for path in here.iterdir()}
    mine, theirs, *_ = [path for path in sample_images() if path.read_bytes() not in held]
    shutil.copy2(mine, here)
    shutil.copy2(theirs, there)
    for one in (workspace, yours):
        assert "1 image computed" in one.repro("extract@tags").output
    merge, other = ("python", "-m", "cli", "merge"), yours.path / "features" / "tags"
    assert "1 added, 0 removed" in workspace.run(*merge, "features/tags", other).output
    both = workspace.files("features/tags")
    shutil.copy2(theirs, here)
    assert "0 images computed, 12 reused" in workspace.repro("extract@tags").output
    assert workspace.files("features/tags") == both
    refused = workspace.run(*merge, "features/regions", other, fails=True)
    assert "not of the fingerprint of features/regions" in refused.output


def test_of_one_percent_new_images_a_tenth_of_the_store_is_not_pushed(
    composed: Workspace, tmp_path: Path
) -> None:
    """At the number of images at which shards are fullest, with rows of VGG-16's grid."""
    workspace = composed.copy(tmp_path / "project")
    remote = tmp_path / "remote"
    store = workspace.path / "data" / "store"
    workspace.dvc("remote", "add", "--default", "store", str(remote))
    fill(store, 4000)
    workspace.dvc("add", "data/store")
    workspace.dvc("push", "data/store.dvc")
    before = total(remote)
    fill(store, 4040)
    workspace.dvc("add", "data/store")
    workspace.dvc("push", "data/store.dvc")
    assert total(remote) - before <= 0.09 * total(store)


def fill(directory: Path, images: int) -> None:
    made = Fingerprint(
        "wide", 1, "0" * 64, "none", "none", "float32", {"grid": Output((49, 512), "float16")}
    )
    with Store(directory, made) as store:
        for key in store.missing(keys(range(images))):
            row = np.frombuffer(bytes.fromhex(key) * 1568, np.uint16).view(np.float16)
            store.add([key], {"grid": row.reshape(1, 49, 512)})
        store.finish()


def total(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
