"""The presets of conf/system: each fits its system, and the published ones are what is printed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.utils.hydra import compose_and_dump

from pipeline.fit.optimization import risks
from pipeline.params.block import parse
from pipeline.systems.system import find_system, known_systems
from tests.systems.printed import PRINTED

ROOT = Path(__file__).resolve().parents[2]
COATTENTION = "adaptive_coattention"
WIDTHS = {  # of the word vectors that each paper prints, or the nearest that GloVe has
    COATTENTION: [200],
    "modality_attention": [200],  # printed: 150
    "cwi": [200, 300],
    "attributes_knowledge": [300],
    "trimod": [200],
}
CONF = str(ROOT / "conf")
PRESETS = [
    (system, path.stem)
    for system in known_systems()
    for path in sorted((ROOT / "conf" / "system" / system).glob("*.yaml"))
]


def compose(folder: Path, *overrides: str) -> dict[str, Any]:
    path = folder / "params.yaml"
    compose_and_dump(str(path), CONF, None, "config", CONF, list(overrides))
    tree: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return tree["systems"]  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def default(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The blocks of all systems by default. Leave it so."""
    return compose(tmp_path_factory.mktemp("default"))


def at(tree: dict[str, Any], key: str) -> Any:
    for part in key.split("."):
        tree = tree[part]
    return tree


def test_every_system_has_a_tuned_preset_which_is_the_default(default: dict[str, Any]) -> None:
    assert {system for system, preset in PRESETS if preset == "tuned"} == set(known_systems())
    assert default == yaml.safe_load((ROOT / "params.yaml").read_text())["systems"]


@pytest.mark.parametrize(("system", "preset"), PRESETS)
def test_a_preset_fits_its_system_and_changes_no_other(
    system: str, preset: str, default: dict[str, Any], tmp_path: Path
) -> None:
    chosen = compose(tmp_path, f"system/{system}={preset}")
    params = parse(chosen.pop(system), find_system(system).Params, f"{system}={preset}")
    # Only the published rate of the co-attention network is one that is known to diverge.
    diverges = (system, preset) == (COATTENTION, "published")
    assert bool(risks(params.training)) == diverges
    assert chosen == {name: block for name, block in default.items() if name != system}


@pytest.mark.parametrize("system", sorted(PRINTED))
def test_every_key_of_a_published_preset_is_printed_or_said_not_to_be(
    system: str, tmp_path: Path
) -> None:
    block = dict(flat(compose(tmp_path, f"system/{system}=published")[system]))
    del block["vectors"]  # the group `paper` names them
    assert block == {key: value for key, (value, _) in PRINTED[system].items()}


def test_the_released_program_differs_from_its_paper_in_the_rate_alone(tmp_path: Path) -> None:
    printed, released = (
        dict(flat(compose(tmp_path, f"system/adaptive_coattention={preset}")[COATTENTION]))
        for preset in ("published", "released")
    )
    differs = {key: value for key, value in released.items() if value != printed[key]}
    assert differs == {"preset": "released", "training.learning_rate": 0.001}


@pytest.mark.parametrize("paper", sorted(path.stem for path in (ROOT / "conf/paper").glob("*")))
def test_a_paper_takes_its_systems_as_published_its_vectors_and_networks(
    paper: str, tmp_path: Path
) -> None:
    systems = compose(tmp_path, f"paper={paper}")
    tree = yaml.safe_load((tmp_path / "params.yaml").read_text())
    published = {name for name, block in systems.items() if block["preset"] == "published"}
    assert published == {"cwi", "cwi_attention"} if paper == "cwi" else {paper}
    networks = {role: block["backbone"] for role, block in tree["extract"].items()}
    assert networks == {"tags": "inception_v3", "regions": "vgg16", "caption": "resnet50"}
    widths = [tree["vectors"]["sources"][name]["width"] for name in systems[paper]["vectors"]]
    assert widths == WIDTHS[paper]


def flat(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The values by their dotted keys."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
