"""The tools that keep dvc.yaml, params.yaml and requirements.lock in step with the rest."""

import re
import shutil
import subprocess
import sys
import tomllib
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.utils.hydra import compose_and_dump

from cli.lock import pins
from pipeline.params.block import parse, read, sections
from pipeline.params.extract import Extract
from pipeline.params.graph import Graph
from pipeline.params.vectors import Vectors
from pipeline.systems.system import find_system, known_systems
from pipeline.vision.backbone import load_backbone
from tests.params.blocks import SECTIONS
from tools.closure import closure, import_graph

ROOT = Path(__file__).resolve().parents[1]


def tool(name: str, *words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", *name.split(), *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def group(name: str) -> list[str]:
    return sorted(path.stem for path in (ROOT / "conf" / name).glob("*.yaml"))


def compose(target: Path, *overrides: str) -> dict[str, Any]:
    conf = str(ROOT / "conf")
    compose_and_dump(str(target), conf, None, "config", conf, list(overrides))
    tree: dict[str, Any] = yaml.safe_load(target.read_text("utf-8"))
    return tree


# ---- compose


def test_params_are_what_conf_composes(tmp_path: Path) -> None:
    written = tmp_path / "params.yaml"
    assert tool("cli params", "--params", str(written), folder=ROOT).returncode == 0
    assert written.read_bytes() == (ROOT / "params.yaml").read_bytes(), "run `make params`"


def test_compose_takes_groups_and_values(tmp_path: Path) -> None:
    written = tmp_path / "params.yaml"
    words = ("dataset=twitter2015", "tags.top_k=7", "--params", str(written))
    done = tool("cli params", *words, folder=ROOT)
    assert done.returncode == 0, done.stderr
    assert "dataset=twitter2015 tags.top_k=7" in done.stdout
    tree = yaml.safe_load(written.read_text("utf-8"))
    assert (tree["dataset"]["name"], tree["tags"]["top_k"]) == ("twitter2015", 7)
    assert tree["prepare"]["rename"] == {"MISC": "OTHER"}


@pytest.mark.parametrize(
    ("override", "complaint"),
    [
        ("dataset=twitter", "did you mean 'twitter2017'"),
        ("tags.topk=7", "tags.topk"),
        ("tags.top_k=[", "'['"),
        ("nothing", "'nothing'"),
    ],
)
def test_compose_refuses_what_conf_lacks(tmp_path: Path, override: str, complaint: str) -> None:
    written = tmp_path / "params.yaml"
    done = tool("cli params", override, "--params", str(written), folder=ROOT)
    assert done.returncode == 1
    assert complaint in done.stderr
    assert not written.exists()


def test_the_groups_are_there() -> None:
    assert set(group("dataset")) >= {"sample", "twitter2015", "twitter2017"}
    assert set(group("backbones")) >= {"embedded", "published"}
    assert {f.name for f in (ROOT / "conf" / "system").iterdir()} == set(known_systems())
    assert set(SECTIONS) == set(sections()) - {"extract", "systems"}


@pytest.mark.parametrize(
    ("dataset", "backbones", "vectors"),
    list(product(group("dataset"), group("backbones"), group("vectors"))),
)
def test_every_composition_is_read(
    tmp_path: Path, dataset: str, backbones: str, vectors: str
) -> None:
    path = tmp_path / "params.yaml"
    chosen = (f"dataset={dataset}", f"backbones={backbones}", f"vectors={vectors}")
    tree = compose(path, *chosen)
    assert set(tree) == set(sections())
    for section, block in SECTIONS.items():
        assert read(path, section, block).model_dump() == tree[section]  # no default steps in
    for role in tree["extract"]:
        params = read(path, f"extract.{role}", Extract)
        assert params.model_dump() == tree["extract"][role]
        assert set(load_backbone(params.backbone).select(params.outputs)) == set(params.outputs)
    sources = read(path, "vectors", Vectors).sources
    assert set(tree["systems"]) == set(known_systems())
    for system in tree["systems"]:
        module = find_system(system)
        options = read(path, f"systems.{system}", module.Params)
        assert options.model_dump() == tree["systems"][system]
        assert set(options.vectors) <= set(sources)
        for role in module.REQUIRES.keys() & tree["extract"].keys():
            assert module.REQUIRES[role] in tree["extract"][role]["outputs"]


@pytest.mark.parametrize("graph", group("graph"))
def test_every_graph_is_read(tmp_path: Path, graph: str) -> None:
    tree = compose(tmp_path / "params.yaml", f"graph={graph}")
    assert read(tmp_path / "params.yaml", "graph", Graph).model_dump() == tree["graph"]


def test_every_system_file_is_read() -> None:
    """Also those that no default takes: a file of conf/system/NAME is a whole block, or it names
    the preset of which it changes a few lines (tests/systems/test_presets.py composes each).
    """
    files = sorted((ROOT / "conf" / "system").rglob("*.yaml"))
    assert files
    for path in files:
        system = path.parent.name
        text = path.read_text("utf-8")
        assert text.startswith(f"# @package systems.{system}\n")
        tree = yaml.safe_load(text)
        if "defaults" not in tree:
            tree["vectors"] = []  # which names those of another group
            assert parse(tree, find_system(system).Params, str(path)).model_dump() == tree


# ---- closure


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What the closure looks at, to be changed."""
    for name in ("pipeline", "stages", "cli", "tools"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    shutil.copy2(ROOT / "dvc.yaml", tmp_path)
    assert tool("tools.closure", "--write", folder=tmp_path).returncode == 0
    return tmp_path


def test_deps_are_the_import_closure() -> None:
    done = tool("tools.closure", folder=ROOT)
    assert done.returncode == 0, done.stderr
    assert "0 with new code deps" in done.stdout


def test_a_new_import_is_noticed(project: Path) -> None:
    declared = project / "dvc.yaml"
    module = project / "pipeline" / "text" / "vocab.py"
    line = "from __future__ import annotations\n"
    text = module.read_text("utf-8")
    assert line in text
    module.write_text(text.replace(line, f"{line}\nimport pipeline.metrics.spans\n"), "utf-8")
    before = declared.read_text("utf-8")

    told = tool("tools.closure", folder=project)
    assert told.returncode == 1
    assert declared.read_text("utf-8") == before
    named = re.search(r"code deps of (.+) are stale: run `make deps`", told.stderr)
    assert named
    stages = yaml.safe_load(before)["stages"]
    deps = {name: (stage.get("do") or stage)["deps"] for name, stage in stages.items()}
    spans, vocab = "pipeline/metrics/spans.py", "pipeline/text/vocab.py"
    new = [name for name, files in deps.items() if vocab in files and spans not in files]
    assert named[1].split(", ") == new
    assert {"vocab", "vectors"} <= set(new) < set(deps)  # others import the spans already

    mended = tool("tools.closure", "--write", folder=project)
    assert mended.returncode == 0, mended.stderr
    lines = declared.read_text("utf-8").splitlines()
    added = ["- pipeline/metrics/spans.py"] * len(new)
    stripped = [line.strip() for line in before.splitlines()]  # comments are kept
    assert sorted(line.strip() for line in lines) == sorted([*stripped, *added])
    assert tool("tools.closure", folder=project).returncode == 0


@pytest.mark.parametrize(
    ("command", "has", "lacks"),
    [
        (
            "python -m stages.train --system bilstm_crf --posts x",
            {"stages/train.py", "stages/command.py", "pipeline/systems/bilstm_crf.py"},
            {"pipeline/systems/cnn_bilstm_crf.py", "pipeline/layers/attention.py"},
        ),
        (
            "python -m stages.evaluate --dataset d --model models/adaptive_coattention --posts x",
            {"pipeline/systems/adaptive_coattention.py", "pipeline/layers/attention.py"},
            {"pipeline/systems/bilstm_crf.py", "pipeline/params/train.py"},
        ),
        (
            "python -m stages.extract --role ${key} --images x",
            {"pipeline/vision/backbones/${item.backbone}.py", "pipeline/vision/backbone.py"},
            {"pipeline/vision/backbones/vgg16.py", "pipeline/vision/tags.py"},
        ),
        (
            "python -m stages.extract --role tags --images x",
            {"pipeline/vision/backbones/${extract.tags.backbone}.py"},
            {"pipeline/vision/backbones/${item.backbone}.py"},
        ),
    ],
)
def test_what_is_found_by_name(command: str, has: set[str], lacks: set[str]) -> None:
    found = closure(command, import_graph())
    assert has <= found
    assert not lacks & found
    assert all("$" in file or (ROOT / file).is_file() for file in found)


# ---- lock


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
    for wanted in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
        name, _, version = wanted.partition("==")
        assert name.lower() in locked
        assert locked[name.lower()] == version or not version


def test_the_lock_pins_the_packages_of_vectors(tmp_path: Path) -> None:
    """The lock stands for a package among the deps of its vectors: it must name it."""
    lines = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
    locked = {line.partition("==")[0] for line in lines}
    packages = []
    for vectors in group("vectors"):
        tree = compose(tmp_path / "params.yaml", f"vectors={vectors}")
        packages += [s for s in tree["vectors"]["sources"].values() if s["kind"] == "package"]
    assert packages
    for source in packages:
        assert source["path"] == "requirements.lock"
        assert source["package"].replace("_", "-") in locked
