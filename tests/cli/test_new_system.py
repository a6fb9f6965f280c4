"""`mner new-system`: the places that it writes are those of the systems that are here."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cli.new_system import known_cache, new_places
from cli.system_stages import stages_of
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
    text = stages_of(system, find_system(system).reads, sources)
    assert text in Path("dvc.yaml").read_text("utf-8")


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
    with pytest.raises(PipelineError, match="'cwi' is a system already"):
        new_places("cwi", [])
    for name in ("Mine", "2nd", "my-system", "", "system"):
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
