"""What could go wrong in silence, and must not."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.dvc.processes import alive, holder, wait_for
from tests.dvc.workspace import DVC, IMAGES, OUTPUTS, Workspace

pytestmark = pytest.mark.dvc


def empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


@pytest.mark.parametrize("lose", [empty, shutil.rmtree])
def test_a_lost_image_folder_costs_nothing(
    workspace: Workspace, tmp_path: Path, lose: Callable[[Path], None]
) -> None:
    folder = workspace.path / "data" / "images"
    shutil.copytree(folder, tmp_path / "kept")
    before = workspace.files(*OUTPUTS)
    lose(folder)
    refused = workspace.repro(fails=True)
    assert refused.ran <= {"index_images"}
    assert "data/images" in refused.output
    left = workspace.files(*OUTPUTS)
    # DVC takes a stage's own outputs away before it runs; its cache has them still.
    own = ("features/images.parquet", "features/images.json", "features/thumbnails/")
    assert all(path.startswith(own) for path, _ in before.items() - left.items())
    assert left.items() <= before.items()

    shutil.copytree(tmp_path / "kept", folder, dirs_exist_ok=True)
    assert workspace.dvc("repro").ran == set()
    assert workspace.files(*OUTPUTS) == before


def test_a_second_writer_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    """`kill -9` of dvc leaves the extraction running, and the next `dvc repro` starts another.

    The store is as an extraction leaves it that was itself killed between two shards.
    """
    whole = workspace.files("features/tags")
    store = workspace.path / "features" / "tags"
    for path in (store / "index.parquet", store / "store.json", min(store.glob("*.h5"))):
        path.unlink()
    log = tmp_path / "log"
    lock = workspace.path / "features" / "tags.lock"
    command = [str(DVC), "repro", "--no-run-cache", "extract@tags"]
    with log.open("wb") as file:
        dvc = subprocess.Popen(
            command, cwd=workspace.path, env=workspace.env, stdout=file, stderr=file
        )
        orphan = holder(lock, dvc)
        os.kill(orphan, signal.SIGSTOP)  # so that it is still there when the second one comes
    try:
        dvc.kill()
        dvc.wait()
        assert alive(orphan)
        refused = workspace.repro("extract@tags", fails=True)
        assert refused.ran == {"extract@tags"}
        assert f"process {orphan} is writing this store" in refused.output
    finally:
        os.kill(orphan, signal.SIGCONT)
    wait_for(lambda: not alive(orphan), "the orphan to end")
    assert workspace.files("features/tags") == whole  # it has done its work,
    done = re.search(r"^(\d+) images? computed", log.read_text(encoding="utf-8"), re.MULTILINE)
    assert done
    assert 0 < int(done[1]) < IMAGES  # and no more than that
    assert not lock.exists()
    assert workspace.would_run() == set()
