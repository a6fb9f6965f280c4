"""The presets of conf/system: each fits its system, and the published ones are what is printed."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.utils.hydra import compose_and_dump

from pipeline.fit.optimization import risks
from pipeline.params.block import parse
from pipeline.systems.system import find_system, known_systems

ROOT = Path(__file__).resolve().parents[2]
CONF = str(ROOT / "conf")
PRESETS = [
    (system, path.stem)
    for system in known_systems()
    for path in sorted((ROOT / "conf" / "system" / system).glob("*.yaml"))
]
PRINTED: dict[str, dict[str, Any]] = {  # of the block, by dotted keys
    "adaptive_coattention": {  # Zhang et al. 2018, Parameter Setting
        "training.optimizer": "rmsprop",
        "training.learning_rate": 0.19,
        "model.hidden": 200,
        "model.char_width": 30,
        "model.char_filters": 32,
        "model.char_windows": [2, 3, 4],
        "model.attention": "concatenated",
        "model.filtration": True,
    },
    "modality_attention": {  # Moon et al. 2018, section 4.3
        "training.optimizer": "adagrad",
        "training.learning_rate": 0.02,
        "training.decay": 0.0,
        "training.batch_posts": 10,
        "model.width": 150,
        "model.char_hidden": 150,
        "model.hidden": 200,  # 100 in each direction
        "model.cell": "coupled",
        "model.transform": "sigmoid",
    },
    "cwi": {  # Asgari-Chenaghlu et al. 2022, Tables 4 to 7 and section 4.2
        "training.optimizer": "adam",
        "training.learning_rate": 8e-5,
        "training.max_epochs": 10,
        "model.hidden": 200,  # 100 in each direction
        "model.char_width": 40,
        "model.char_length": 40,
        "model.drop_rate": 0.25,
        "model.target_rate": 0.4,
        "model.image_width": 50,
        "model.image_hidden": 50,
        "model.regularized": True,
    },
}
PRINTED["attributes_knowledge"] = {  # Chen et al. 2021, section 4.2
    "training.optimizer": "adam",
    "training.learning_rate": 0.001,
    "training.batch_posts": 20,
    "model.dropout": 0.5,
    "model.char_width": 50,
    "model.char_filter": "row",
    "model.inner": None,
    "model.recurrent": False,
    "model.image": True,
    "model.attributes": True,
    "model.knowledge": True,
}
PRINTED["trimod"] = {  # Alfaqeeh 2024, section V-A and Table II
    "training.optimizer": "sgd",
    "training.learning_rate": 0.005,
    "training.decay": 0.05,
    "training.batch_posts": 10,
    "training.accumulate": 9,
    "model.char_width": 30,
    "model.char_hidden": 60,  # 30 in each direction
    "model.hidden": 300,  # 150 in each direction
    "model.dropout": 0.55,
    "model.fusion": "additive",
}
PRINTED["cwi_attention"] = PRINTED["cwi"] | {"model.readout": "attended"}


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
    diverges = (system, preset) == ("adaptive_coattention", "published")
    assert bool(risks(params.training)) == diverges
    assert chosen == {name: block for name, block in default.items() if name != system}


@pytest.mark.parametrize("system", sorted(PRINTED))
def test_the_published_presets_hold_what_the_papers_print(system: str, tmp_path: Path) -> None:
    block = compose(tmp_path, f"system/{system}=published")[system]
    assert {key: at(block, key) for key in PRINTED[system]} == PRINTED[system]


def test_the_published_words_of_cwi_are_500_wide(tmp_path: Path) -> None:
    compose(tmp_path, "vectors=glove200_fasttext300")
    tree = yaml.safe_load((tmp_path / "params.yaml").read_text())
    sources = tree["systems"]["cwi"]["vectors"]
    assert sum(tree["vectors"]["sources"][name]["width"] for name in sources) == 500
