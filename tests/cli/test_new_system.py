"""`mner new-system`: the places that it writes are those of the systems that are here."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from cli.__main__ import main as mner
from cli.new_system import known_cache, new_places
from cli.system_stages import shown_of, stages_of
from pipeline.errors import PipelineError
from pipeline.systems.system import find_system, known_systems
from tests.conftest import ROOT

CACHES = ("regions", "tags", "image_words", "attributes", "knowledge", "captions", "hashtags")


@pytest.fixture(autouse=True)
def _at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("system", known_systems())
def test_every_system_has_such_stages(system: str) -> None:
    params = yaml.safe_load(Path("params.yaml").read_text("utf-8"))
    sources = len(params["systems"][system]["vectors"])
    project = Path("dvc.yaml").read_text("utf-8")
    assert stages_of(system, find_system(system).reads, sources) in project
    assert shown_of(system) in project[project.index("\n  report:\n") :]


@pytest.mark.parametrize("caches", [(), *((cache,) for cache in CACHES), CACHES], ids=str)
def test_the_file_passes_the_linters(caches: tuple[str, ...], tmp_path: Path) -> None:
    places = new_places("my_system", [known_cache(cache) for cache in caches])
    path = tmp_path / "my_system.py"
    path.write_text(places[Path("pipeline/systems/my_system.py")], "utf-8")
    for command in (["check"], ["format", "--check"]):
        words = [sys.executable, "-m", "ruff", *command, "--config", "pyproject.toml", str(path)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_only_a_new_name_is_taken() -> None:
    with pytest.raises(PipelineError, match="'cwi' is taken"):
        new_places("cwi", [])
    with pytest.raises(PipelineError, match="'system' is taken"):
        new_places("system", [])
    for name in ("Mine", "2nd", "my-system", "", "class"):
        with pytest.raises(PipelineError, match="a system's name is"):
            new_places(name, [])


def test_only_a_cache_that_is_there_is_read() -> None:
    with pytest.raises(PipelineError, match=r"no system reads a cache 'region'.*regions"):
        known_cache("region")


def test_what_was_there_stays() -> None:
    places = new_places("my_system", [known_cache("regions")])
    for path in map(Path, ("dvc.yaml", "conf/config.yaml", "params.yaml")):
        before, after = path.read_text("utf-8").splitlines(), places[path].splitlines()
        added = iter(after)
        assert all(line in added for line in before), path  # all of it, in its order
        assert len(after) > len(before)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("conf/system/spare/tuned.yaml", "hidden: 1\n"),
        ("conf/config.yaml", "defaults:\n  - system/cwi: tuned\n  - system/spare: tuned\n"),
        ("dvc.yaml", "stages:\n  train_spare:\n    cmd: true\n  leaderboard:\n"),
    ],
)
def test_a_place_that_is_taken_is_left_as_it_is(
    path: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when only the system's file was removed."""
    for name in ("conf", "dvc.yaml", "params.yaml"):
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy2
        copy(source, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, "utf-8")
    with pytest.raises(PipelineError, match=r"'spare' stands already in .*: remove it there first"):
        new_places("spare", [])


def test_elsewhere_than_at_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for command in (["new-system", "spare"], ["params"]):
        done = CliRunner().invoke(mner, command)
        assert done.exit_code == 1
        assert "no such file; run from" in done.output or "no such folder; run from" in done.output


def test_a_cache_named_twice_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    written: dict[Path, bytes] = {}
    monkeypatch.setattr("cli.new_system.write_bytes", written.__setitem__)
    done = CliRunner().invoke(mner, ["new-system", "spare", *["--reads", "captions"] * 2])
    assert done.exit_code == 0, done.output
    assert written[Path("pipeline/systems/spare.py")].count(b"def _captions") == 1
