"""`mner doctor` on a small project: what it finds, what it advises, and how it ends."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from click.testing import CliRunner
from dvc.repo import Repo

from cli.doctor import CHECKS, main
from pipeline.store.lock import locked
from tests.language import tiny
from tests.store.oracle import extract, fingerprint, keys, shards

ROOT = Path(__file__).resolve().parents[2]
MADE = fingerprint()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without faults, in which the process runs."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    (tmp_path / "requirements.lock").write_text(f"# pins\nnumpy=={version('numpy')}\n")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    extract(tmp_path / "features" / "tags", keys(range(20)), MADE)
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    Repo.init(str(tmp_path), no_scm=True).close()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def doctor(*arguments: str, code: int) -> dict[str, dict[str, str]]:
    """The findings by what was examined."""
    result = CliRunner().invoke(main, ["--json", *arguments])
    assert result.exit_code == code, result.output
    return {finding["check"]: finding for finding in json.loads(result.output)}


def test_a_sound_project_has_no_fault(project: Path) -> None:
    found = doctor("--offline", code=0)
    states = {check: finding["state"] for check, finding in found.items()}
    assert states == {
        "python": "ok",
        "packages": "ok",
        "device": "ok",
        "disk": states["disk"],  # this machine's
        "weights of tags": "ok",
        "weights of regions": "ok",
        "weights of caption": "ok",
        "parameters": "ok",
        "store tags": "ok",
        "locks": "ok",
        "links": "ok",
    }
    assert "whole: 20 images" in found["store tags"]["said"]


def test_the_table_has_a_line_for_each_finding_and_one_for_its_advice(project: Path) -> None:
    shards(project / "features" / "tags")[0].unlink()
    result = CliRunner().invoke(main, ["--offline"])
    assert result.exit_code == 1
    assert "fault store tags" in result.output
    assert "-> dvc pull features/tags" in result.output
    assert all(name in result.output for name in CHECKS if name not in ("stores", "remote"))


def test_a_file_name_cannot_speak_to_the_terminal(project: Path) -> None:
    (project / "features" / "\x1b[2Jx").symlink_to("gone")
    output = CliRunner().invoke(main, ["--offline"], color=False).output
    assert "\\x1b[2Jx" in output
    assert "\x1b[2Jx" not in output


@pytest.mark.parametrize(
    ("line", "said"),
    [("numpy==0.1", f"numpy {version('numpy')} (locked: 0.1)"), ("absent==1", "absent missing")],
)
def test_packages_that_are_not_those_of_the_lock(project: Path, line: str, said: str) -> None:
    (project / "requirements.lock").write_text(line + "\n")
    found = doctor("--offline", code=1)["packages"]
    assert said in found["said"]
    assert "make setup" in found["advice"]


def test_another_python(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.doctor.machine.PYTHON", (3, 9))
    assert "where 3.9 is needed" in doctor("--offline", code=1)["python"]["said"]


def test_the_python_of_another_environment(project: Path) -> None:
    (project / ".venv").unlink()
    found = doctor("--offline", code=0)["python"]
    assert (found["state"], "activate" in found["advice"]) == ("note", True)


def test_a_full_disk(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10**9))
    found = doctor("--offline", code=0)["disk"]
    assert (found["state"], "make room" in found["advice"]) == ("note", True)


def edit(project: Path, section: str, **changes: object) -> None:
    tree = yaml.safe_load((project / "params.yaml").read_text())
    block = tree
    for name in section.split("."):
        block = block[name]
    block.update(changes)
    (project / "params.yaml").write_text(yaml.safe_dump(tree))


def test_weights_that_are_not_here_and_a_device_that_is_not(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(project))
    edit(project, "extract.regions", backbone="vgg16", outputs=["grid"])
    edit(project, "extract.caption", backbone="timm", weights={"model": "resnet10t", "file": "no"})
    edit(project, "runtime", device="warp")
    found = doctor("--offline", code=1)
    assert (found["weights of caption"]["state"], found["weights of caption"]["advice"]) == (
        "fault",
        "",
    )
    assert found["weights of regions"]["advice"] == "mner weights vgg16 --download"
    assert "'warp' is no device" in found["device"]["said"]
    assert found["weights of tags"]["state"] == "ok"


def test_contextual_words_are_examined_too(project: Path) -> None:
    tiny.save(project / "mine")
    encoders = {
        "here": tiny.params(project / "mine").model_dump(),
        "gone": tiny.params(project / "nowhere").model_dump(),
    }
    edit(project, "context", encoders=encoders)
    extract(project / "features" / "context" / "here", keys(range(20)), MADE)
    extract(project / "features" / "context" / "half", keys(range(20)), MADE)
    shards(project / "features" / "context" / "half")[0].unlink()
    (project / "features" / "context" / "here.lock").write_text("1\n")
    found = doctor("--offline", code=1)
    assert found["weights of context/here"]["state"] == "ok"
    assert "there is no folder" in found["weights of context/gone"]["said"]
    assert found["store context/here"]["said"].startswith("whole: 20 texts")
    assert found["store context/half"]["advice"] == "dvc pull features/context/half"
    assert found["lock context/here"]["advice"] == "rm features/context/here.lock"


def test_names_that_dvc_does_not_see(project: Path) -> None:
    edit(project, "vectors", size=1, more=[{"nfiles": 2}])
    said = doctor("--offline", code=1)["parameters"]["said"]
    assert "vectors.more.nfiles, vectors.size" in said


@pytest.mark.parametrize("content", ["a: [", "extract: &a {b: *a}\nruntime: 3", "- a"])
def test_params_that_cannot_be_read_do_not_end_the_examination(project: Path, content: str) -> None:
    (project / "params.yaml").write_text(content)
    found = doctor("--offline", code=1)
    assert {found[name]["state"] for name in ("device", "weights", "parameters")} == {"fault"}
    assert found["store tags"]["state"] == "ok"


def test_roles_and_locks_that_are_something_else_do_not_either(project: Path) -> None:
    tree = yaml.safe_load((project / "params.yaml").read_text()) | {"extract": 3}
    (project / "params.yaml").write_text(yaml.safe_dump(tree))
    (project / "requirements.lock").write_bytes(b"\xe9==1")
    found = doctor("--offline", code=1)
    assert found["weights"]["said"].startswith("cannot be examined: TypeError")
    assert found["packages"]["said"].startswith("cannot be examined: UnicodeDecodeError")
    assert found["store tags"]["state"] == "ok"


def test_a_lock_of_the_living_and_one_of_the_dead(project: Path) -> None:
    with locked(project / "features" / "tags"):
        found = doctor("--offline", code=0)["lock tags"]
        assert found["said"] == f"process {os.getpid()} writes it now"
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (project / "features" / "tags.lock").write_text(f"{dead.pid}\n")
    found = doctor("--offline", code=0)["lock tags"]
    assert f"process {dead.pid} died" in found["said"]
    assert found["advice"] == "rm features/tags.lock"


def test_links_that_lead_nowhere(project: Path) -> None:
    first = shards(project / "features" / "tags")[0]
    first.unlink()
    first.symlink_to(project / "cache" / "gone")
    (project / "data").symlink_to(project / "elsewhere")
    said = doctor("--offline", code=1)["links"]["said"]
    assert said == f"2 lead nowhere: data, features/tags/{first.name}"


@pytest.fixture
def closed() -> Iterator[int]:
    """A port of this machine at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_remotes(project: Path, closed: int) -> None:
    assert "dvc remote add" in doctor(code=0)["remote"]["advice"]
    for url, code, said in (
        (str(project / "shared"), 0, "holds nothing yet"),
        (f"ssh://127.0.0.1:{closed}/shared", 1, "does not answer"),
    ):
        with Repo(str(project)) as repo, repo.config.edit("repo") as config:
            config["remote"] = {"there": {"url": url}}
            config["core"]["remote"] = "there"
        assert said in doctor(code=code)["remote"]["said"]


def test_a_folder_that_is_no_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = doctor(code=1)
    assert found["packages"]["state"] == found["remote"]["state"] == "fault"
    assert "clone" in found["remote"]["advice"]
