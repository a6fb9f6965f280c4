"""`mner params` in this process: what it composes, and what it refuses with a sentence."""

from pathlib import Path
from typing import Any

import grimp
import pytest
import yaml
from click.testing import CliRunner

from cli.params import main
from tests.conftest import ROOT

COATTENTION = "adaptive_coattention"


@pytest.fixture(autouse=True)
def _at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def compose(path: Path, *overrides: str) -> dict[str, Any]:
    done = CliRunner().invoke(main, [*overrides, "--params", str(path)])
    assert done.exit_code == 0, done.output
    tree: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return tree


def test_groups_and_values_are_taken_and_told(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    done = CliRunner().invoke(main, ["dataset=twitter2015", "tags.top_k=7", "--params", str(path)])
    assert done.exit_code == 0, done.output
    assert "dataset=twitter2015 tags.top_k=7" in done.stdout
    tree = yaml.safe_load(path.read_text("utf-8"))
    assert (tree["dataset"]["name"], tree["tags"]["top_k"]) == ("twitter2015", 7)
    assert tree["prepare"]["rename"] == {"MISC": "OTHER"}


# Zhang et al. 2018, Table 2: what each variant leaves out, and nothing else.
ABLATIONS = {
    "cbcfufi": {"crf": False},
    "cbcfic": {"fusion": "concatenate"},
    "cbcfuc": {"filtration": False},
}


@pytest.mark.parametrize("name", ABLATIONS)
def test_an_ablation_is_the_tuned_preset_but_for_one_part(name: str, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    expected = compose(path, f"system/{COATTENTION}=tuned")
    expected["systems"][COATTENTION]["preset"] = name
    expected["systems"][COATTENTION]["model"] |= ABLATIONS[name]
    assert compose(path, f"system/{COATTENTION}={name}") == expected


WRONG = [
    (
        f"system/{COATTENTION}=cbcfuk",
        "Error: unknown preset 'cbcfuk' of system/adaptive_coattention (did you mean 'cbcfuc'?);"
        " conf/system/adaptive_coattention has cbcfic, cbcfuc, cbcfufi",
    ),
    ("dataset=twitter", "did you mean 'twitter2017'"),
    ("tags.topk=3", "Error: Could not override 'tags.topk'"),
    ("tags top_k", "Error: LexerNoViableAltException"),
    ("tags.top_k=[", "'['"),
    ("nothing", "'nothing'"),
]


@pytest.mark.parametrize(("override", "message"), WRONG)
def test_a_wrong_override_is_a_sentence(override: str, message: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, [override, "--params", str(tmp_path / "params.yaml")])
    assert done.exit_code == 1
    assert message in done.output
    assert "Traceback" not in done.output
    assert not (tmp_path / "params.yaml").exists()


REFUSED = [
    (["tags.top_k=0"], ["tags: top_k: Input should be greater than or equal to 1"]),
    (["+tags.topk=3"], ["tags: unknown key 'topk' (did you mean 'top_k'?)"]),
    (["+tagz.top_k=3"], ["unknown section 'tagz' (did you mean 'tags'?)"]),
    (["~vocab"], ["section 'vocab' is missing"]),
    (["~systems"], ["section 'systems' is missing"]),
    (["extract.tags.precision=f8"], ["extract.tags: precision: Input should be"]),
    (
        ["train.seeds=[]", "systems.cwi.model.dropout=2"],
        ["train: seeds: List should", "systems.cwi: model.dropout: Input should be less than 1"],
    ),
]


@pytest.mark.parametrize(("overrides", "messages"), REFUSED, ids=lambda words: words[0])
def test_what_a_block_refuses_is_not_written(
    overrides: list[str], messages: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("as it was", encoding="utf-8")
    done = CliRunner().invoke(main, [*overrides, "--params", str(path)])
    assert done.exit_code == 1
    lines = done.output.removeprefix("Error: ").splitlines()
    for line, message in zip(lines, messages, strict=True):
        assert line.startswith(f"{path}: {message}")
    assert path.read_text(encoding="utf-8") == "as it was"
    assert list(tmp_path.iterdir()) == [path]


def test_an_unknown_system_gets_the_nearest(tmp_path: Path) -> None:
    words = ["+systems.cwii.vectors=[]", "--params", str(tmp_path / "params.yaml")]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 1
    assert "unknown system 'cwii' (did you mean 'cwi'?)" in done.output


def test_no_stage_imports_the_map_of_all_blocks() -> None:
    """Else the digest of the stage's code would depend on every block."""
    graph = grimp.build_graph("pipeline", "stages", "cli", cache_dir=None)
    importers = graph.find_downstream_modules("pipeline.params.sections")
    assert "cli.params" in importers
    assert not {name for name in importers if name.startswith("stages")}
