"""requirements.lock pins what the project asks for."""

import re
import tomllib

import yaml

from cli.lock import pins
from tests.conftest import ROOT


def test_pins_are_sorted_and_told_apart_by_system() -> None:
    found = [("Torch", "2.14.1"), ("nvidia-nccl-cu13", "2.30"), ("triton", "3.8"), ("Py_Crf", "6")]
    report = {"install": [{"metadata": {"name": n, "version": v}} for n, v in found]}
    assert pins(report) == [
        'nvidia-nccl-cu13==2.30 ; sys_platform == "linux"',
        "py-crf==6",
        "torch==2.14.1",
        'triton==3.8 ; sys_platform == "linux"',
    ]


def test_the_lock_has_what_the_project_asks_for() -> None:
    lines = (ROOT / "requirements.lock").read_text("utf-8").splitlines()[1:]
    pin = re.compile(r'([a-z0-9.-]+)==([\w.+!]+)( ; sys_platform == "linux")?')
    matches = [pin.fullmatch(line) for line in lines]
    assert all(matches), [x for x, match in zip(lines, matches, strict=True) if not match]
    assert lines == sorted(lines)
    locked = {match[1]: match[2] for match in matches if match}
    assert len(locked) == len(lines)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    optional = project["optional-dependencies"]
    for wanted in [*project["dependencies"], *optional["dev"], *optional["alone"]]:
        name, _, version = wanted.partition("==")
        assert name.lower() in locked
        assert locked[name.lower()] == version or not version


def test_the_lock_pins_the_packages_of_vectors() -> None:
    """The lock stands for a package among the deps of its vectors: it must name it."""
    lines = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
    locked = {line.partition("==")[0] for line in lines}
    packages = []
    for path in (ROOT / "conf" / "vectors").glob("*.yaml"):
        sources = yaml.safe_load(path.read_text("utf-8"))["sources"]
        packages += [source for source in sources.values() if source["kind"] == "package"]
    assert packages
    for source in packages:
        assert source["path"] == "requirements.lock"
        assert source["package"].replace("_", "-") in locked
