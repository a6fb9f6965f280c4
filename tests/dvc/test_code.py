"""An edit of code reruns the stages that run it, and no others."""

import sys

import pytest

from pipeline.code import FAMILIES, closures, digests_of, source
from tests.dvc.workspace import ROOT, SYSTEMS, Workspace, both

pytestmark = pytest.mark.dvc


def named(reproduced: Workspace) -> dict[str, set[str]]:
    """Stage -> the digests that it names, such as `systems.cwi`, as dvc.lock has them."""
    stages = reproduced.lock()["stages"]
    return {
        name: set(stage.get("params", {}).get("code.json", {})) for name, stage in stages.items()
    }


def test_digests_cover_what_a_run_imports(
    reproduced: Workspace, imported: dict[str, set[str]]
) -> None:
    """Of every stage, traced while it ran: nothing it ran is left out, nothing it names is idle."""
    known = closures()
    declared = named(reproduced)
    assert declared.keys() == imported.keys()
    assert declared.pop("code") == set()
    for stage, members in declared.items():
        pairs = [member.split(".") for member in members]
        covered = {module for family, name in pairs for module in known[family][name]}
        assert imported[stage] <= covered, stage
        assert {f"{FAMILIES[family]}.{name}" for family, name in pairs} <= imported[stage], stage


def test_an_edit_of_each_imported_file_is_noticed(
    reproduced: Workspace, imported: dict[str, set[str]]
) -> None:
    """It changes a digest of every stage whose run imported the file."""
    known, declared = closures(), named(reproduced)
    code = {
        module: source(ROOT, module).read_bytes()
        for members in known.values()
        for modules in members.values()
        for module in modules
    }
    before = digests_of(known, code.__getitem__)
    for module in sorted(set().union(*imported.values()) - {"stages.code", "pipeline.code"}):
        after = digests_of(known, {**code, module: code[module] + b"\nEDITED = True\n"}.__getitem__)
        changed = {
            f"{family}.{name}"
            for family, members in before.items()
            for name, digest in members.items()
            if after[family][name] != digest
        }
        for stage in imported.keys() - {"code"}:
            assert module not in imported[stage] or changed & declared[stage], (module, stage)


def test_an_edit_of_a_system_reruns_what_runs_it(workspace: Workspace) -> None:
    edit(workspace, "pipeline/systems/cnn_bilstm_crf.py", "\nEDITED = True\n")
    assert workspace.would_run() == {"code"}  # which tells the others
    assert workspace.repro("code").ran == {"code"}
    assert workspace.would_run() == both("cnn_bilstm_crf") | {"tag_posts"}


def test_an_edit_of_what_all_systems_share(workspace: Workspace) -> None:
    edit(workspace, "pipeline/layers/crf.py", "\nEDITED = True\n")
    digest(workspace)
    assert workspace.would_run() == {"code", "tag_posts"} | both(*SYSTEMS)


def test_an_edit_of_a_backbone_reruns_its_roles(workspace: Workspace) -> None:
    edit(workspace, "pipeline/vision/backbones/vgg16.py", "\nEDITED = True\n")
    digest(workspace)
    assert workspace.would_run() == {"code"}  # no role names it
    edit(workspace, "pipeline/vision/backbones/efficientnet_lite0.py", "\nEDITED = True\n")
    digest(workspace)
    roles = {"extract@tags", "extract@regions", "extract@caption", "extract_entity_images"}
    assert workspace.would_run() == {"code"} | roles


def test_a_comment_reruns_code_alone(workspace: Workspace) -> None:
    for path in (workspace.path / "pipeline").rglob("*.py"):
        path.write_text(f"# A comment.\n{path.read_text('utf-8')}", "utf-8")
    assert workspace.repro().ran == {"code"}
    assert workspace.git("status", "--short", "code.json").output == ""


def test_params_diff_says_whose_code_changed(workspace: Workspace) -> None:
    edit(workspace, "pipeline/systems/trimod.py", "\nEDITED = True\n")
    digest(workspace)
    told = workspace.dvc("params", "diff").output
    assert "systems.trimod" in told
    assert "systems.cwi" not in told


def digest(workspace: Workspace) -> None:
    """Run the command of the stage `code` without DVC, which counts the stage as yet to run."""
    workspace.run(sys.executable, "-m", "stages.code", "--digests", "code.json")


def edit(workspace: Workspace, path: str, added: str) -> None:
    with (workspace.path / path).open("a", encoding="utf-8") as file:
        file.write(added)


def test_code_that_cannot_be_read_costs_nothing(workspace: Workspace) -> None:
    """The digests stay, so that DVC can still say what else would run."""
    path = workspace.path / "pipeline" / "layers" / "crf.py"
    sound = path.read_text("utf-8")
    digests = (workspace.path / "code.json").read_bytes()
    path.write_text(f"{sound}\ndef broken(:\n", "utf-8")
    refused = workspace.repro("code", fails=True)
    assert "pipeline/layers/crf.py" in refused.output
    assert (workspace.path / "code.json").read_bytes() == digests
    path.write_text(sound, "utf-8")
    assert workspace.would_run() == set()
