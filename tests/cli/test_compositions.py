"""What conf/ composes: params.yaml as it stands, every choice of groups, every system's preset."""

import subprocess
import sys
from collections.abc import Collection, Iterator
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.utils.hydra import compose_and_dump

from pipeline.params.block import find, parse, read, sections
from pipeline.params.extract import Extract, ModelFile
from pipeline.params.graph import Graph
from pipeline.params.knowledge import Knowledge
from pipeline.params.sections import SECTIONS
from pipeline.params.vectors import Vectors
from pipeline.systems.system import StoreOutput, find_system, known_systems
from pipeline.vision.backbone import load_backbone
from pipeline.vision.backbones.timm import of_model
from tests.conftest import ROOT


def params(*words: str) -> subprocess.CompletedProcess[str]:
    """`mner params`, run at the project's root, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "cli", "params", *words],
        cwd=ROOT,
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


@pytest.mark.parametrize(
    ("overrides", "reading"),
    [
        (["context.default=none", "systems.cwi.context.store=minilm"], {"cwi"}),
        (["systems.cwi.context.store=none"], set(known_systems()) - {"cwi"}),
    ],
)
def test_one_system_or_all_but_one_read_contextual_words(
    tmp_path: Path, overrides: list[str], reading: set[str]
) -> None:
    """As docs/weights-and-vectors.md says."""
    systems = compose(tmp_path / "params.yaml", "context=minilm", *overrides)["systems"]
    stores = {name: block["context"]["store"] for name, block in systems.items()}
    assert {name for name, store in stores.items() if store != "none"} == reading


def test_params_are_what_conf_composes(tmp_path: Path) -> None:
    written = tmp_path / "params.yaml"
    assert params("--params", str(written)).returncode == 0
    assert written.read_bytes() == (ROOT / "params.yaml").read_bytes(), "run `make params`"


def test_what_conf_lacks_is_refused_as_a_command(tmp_path: Path) -> None:
    written = tmp_path / "params.yaml"
    done = params("dataset=twitter", "--params", str(written))
    assert done.returncode == 1
    assert "did you mean 'twitter2017'" in done.stderr
    assert not written.exists()


def test_the_groups_are_there() -> None:
    assert set(group("dataset")) >= {"sample", "twitter2015", "twitter2017"}
    assert set(group("backbones")) >= {"embedded", "published", "timm", "clip"}
    assert {f.name for f in (ROOT / "conf" / "system").iterdir()} == set(known_systems())
    assert set(SECTIONS) == set(sections()) - {"extract", "systems"}


def compositions() -> Iterator[tuple[str, str, str]]:
    """Every pair of choices of two groups is in at least one."""
    backbones = group("backbones")
    for d, dataset in enumerate(group("dataset")):
        for v, vectors in enumerate(group("vectors")):
            yield dataset, backbones[(d + v) % len(backbones)], vectors


def test_compositions_hold_every_pair() -> None:
    made, groups = [*compositions()], ("dataset", "backbones", "vectors")
    for a, b in combinations(range(3), 2):
        pairs = {(one[a], one[b]) for one in made}
        assert pairs == {*product(group(groups[a]), group(groups[b]))}


def outputs_of(block: Extract) -> Collection[str]:
    """What the network of a role gives; the files of the generic ones are not at hand."""
    if block.backbone == "timm":
        assert isinstance(block.weights, ModelFile)
        return of_model(block.weights.model).outputs
    return ["pooled", "grid"] if block.backbone == "clip" else load_backbone(block.backbone).outputs


@pytest.mark.parametrize(("dataset", "backbones", "vectors"), [*compositions()])
def test_every_composition_is_read(
    tmp_path: Path, dataset: str, backbones: str, vectors: str
) -> None:
    chosen = (f"dataset={dataset}", f"backbones={backbones}", f"vectors={vectors}")
    tree = compose(tmp_path / "params.yaml", *chosen)
    assert set(tree) == set(sections())
    for section, block in SECTIONS.items():
        assert (
            find(tree, section, block, "composed").model_dump() == tree[section]
        )  # no default steps in
    for role in tree["extract"]:
        block = find(tree, f"extract.{role}", Extract, "composed")
        assert block.model_dump() == tree["extract"][role]
        assert set(outputs_of(block)) >= set(block.outputs)
    sources = find(tree, "vectors", Vectors, "composed").sources
    assert set(tree["systems"]) == set(known_systems())
    for system in tree["systems"]:
        known = find_system(system)
        options = find(tree, f"systems.{system}", known.Params, "composed")
        assert options.model_dump() == tree["systems"][system]
        assert set(options.vectors) <= set(sources)
        for one in known.reads:
            if isinstance(one, StoreOutput):
                assert one.output in tree["extract"][one.role]["outputs"]


@pytest.mark.parametrize("graph", group("graph"))
def test_every_graph_is_read(tmp_path: Path, graph: str) -> None:
    tree = compose(tmp_path / "params.yaml", f"graph={graph}")
    assert read(tmp_path / "params.yaml", "graph", Graph).model_dump() == tree["graph"]
    assert tree["graph"]["name"] == graph
    read(tmp_path / "params.yaml", "knowledge", Knowledge)
    file = yaml.safe_load((ROOT / "conf" / "graph" / f"{graph}.yaml").read_text("utf-8"))
    assert tree["knowledge"].items() >= file["knowledge"].items()  # no other file overrides it


@pytest.mark.parametrize("name", group("vectors"))
def test_a_preset_of_vectors_is_called_by_its_sources(tmp_path: Path, name: str) -> None:
    vectors = compose(tmp_path / "params.yaml", f"vectors={name}")["vectors"]
    assert list(vectors["sources"]) == name.split("_") == list(dict.fromkeys(vectors["joint"]))
    assert vectors["default"] == name.split("_")[:1]
    assert len(vectors["joint"]) == 2
    for source, block in vectors["sources"].items():
        assert source.endswith(str(block["width"]))


def test_a_source_of_vectors_is_one_file_in_every_preset(tmp_path: Path) -> None:
    """But for GloVe 50, which comes as a package, too."""
    found: dict[str, set[str]] = {}
    for name in group("vectors"):
        sources = compose(tmp_path / "params.yaml", f"vectors={name}")["vectors"]["sources"]
        for source, block in sources.items():
            found.setdefault(source, set()).add(block["path"])
    assert {source for source, paths in found.items() if len(paths) > 1} <= {"glove50"}


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
