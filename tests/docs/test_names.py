"""Paths, links and keys that the pages name are there."""

import ast
import fnmatch
import importlib
import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT
from tests.docs.pages import OTHERS, PAGES, PLACEHOLDER, PROGRAMS, blocks, keys_of, paths_of
from tests.test_messages import SUFFIXES, keys

FOREIGN = {"np", "process", "torch"}  # modules of others
NO_OUTPUTS = (  # what no stage writes
    "conf/system/my_system/",  # `mner new-system` does
    "data/",  # a reader puts files there
    "features/NAME.lock",  # there while a stage writes
    "metrics/sweeps",  # `mner sweep` does
    "metrics/tables",  # `mner tables --collect` does
    "pipeline/systems/my_system.py",  # `mner new-system` does
    "split/ordinal",  # the form of a post's name
    "vectors/glove.6B.100d.tweets.txt.gz",  # below a benchmark's --data
)


@cache
def outputs() -> set[str]:
    """The paths that stages of dvc.yaml write."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))
    found = set()
    for stage in yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"].values():
        over = params
        for part in stage.get("foreach", "${systems}")[2:-1].split("."):  # its keys fill ${key} in
            over = over[part]
        body = stage.get("do", stage)
        for out in [*body.get("outs", []), *body.get("metrics", []), *body.get("plots", [])]:
            path = out if isinstance(out, str) else next(iter(out))
            found |= {path.replace("${key}", key) for key in over}
    return found


def is_there(path: str) -> bool:
    """Whether the tree has it or a stage writes it; a word in capitals stands for any."""
    path = path.rstrip("/")
    if (ROOT / path).exists() or path.startswith(NO_OUTPUTS):
        return True
    if any(out == path or path.startswith(f"{out}/") for out in outputs()):
        return True
    if any(out.startswith(f"{path}/") for out in outputs()):  # a folder of outputs
        return True
    anyone = PLACEHOLDER.sub("*", path)
    return anyone != path and bool(any(ROOT.glob(anyone)) or fnmatch.filter(outputs(), anyone))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_paths_and_links_are_there(page: Path) -> None:
    # Pages of features/ and samples/ name files from their own folder, too.
    folder = page.parent.relative_to(ROOT)
    names = paths_of(page)
    assert not [path for path in names if not is_there(path) and not is_there(str(folder / path))]


def test_a_path_that_is_not_there_is_found() -> None:
    assert is_there("metrics/SYSTEM.json")
    assert is_there("features/phrase_vectors/attributes/NAME.parquet")
    for path in ("docs/none.md", "features/postz.parquet", "pipeline/NAME.txt"):
        assert not is_there(path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_keys_are_there(page: Path) -> None:
    for key in keys_of(page):
        parts = key.split(".")
        module = ROOT.joinpath(*parts).with_suffix(".py")
        code = parts[0] in FOREIGN or module.exists() or module.with_suffix("").is_dir()
        file = parts[-1] in SUFFIXES | {"md"}
        assert code or file or key.replace("ROLE", "tags") in keys(), key


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_block_is_of_commands_or_known_as_something_else(page: Path) -> None:
    for block in blocks(page.read_text("utf-8")):
        assert block.split()[0] in PROGRAMS or block.startswith(OTHERS), block


def test_python_in_the_pages_names_what_is_there() -> None:
    found = [
        block
        for page in PAGES
        for block in blocks(page.read_text("utf-8"))
        if block.startswith("from ")
    ]
    assert found
    for block in found:
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(node.module or "")
                (imported,) = (getattr(module, alias.name) for alias in node.names)
    for method in re.findall(r"Tagger\.(\w+)|tagger\.(\w+)", "".join(found)):
        assert hasattr(imported, "".join(method)), method


def test_the_readme_is_for_newcomers() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 150


def _choices(docstring: str) -> list[str]:
    """The items of the lists in a docstring, each on one line."""
    items: list[str] = []
    within = False
    for line in docstring.splitlines():
        if line.startswith("- "):
            items.append(line)
            within = True
        elif within and line.startswith("  ") and line.strip():
            items[-1] += f" {line.strip()}"
        else:
            within = False
    return items


@pytest.mark.parametrize("path", sorted((ROOT / "pipeline" / "systems").glob("*.py")))
def test_what_a_paper_leaves_open_stands_on_the_page_of_systems(path: Path) -> None:
    page = (ROOT / "docs" / "systems.md").read_text("utf-8").splitlines()
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    assert not [item for item in _choices(docstring) if item not in page]


def test_every_system_and_preset_group_is_named() -> None:
    page = (ROOT / "docs" / "systems.md").read_text("utf-8")
    for folder in (ROOT / "conf" / "system").iterdir():
        assert f"`{folder.name}`" in page
    for preset in (ROOT / "conf" / "paper").iterdir():
        assert f"`{preset.stem}`" in page
    vectors = (ROOT / "docs" / "weights-and-vectors.md").read_text("utf-8")
    for preset in (ROOT / "conf" / "vectors").iterdir():
        assert f"`{preset.stem}`" in vectors


def test_the_tree_has_every_part_of_the_pipeline() -> None:
    page = (ROOT / "docs" / "extending.md").read_text("utf-8")
    tree = page[page.index("    pipeline/\n") : page.index("    benchmarks/")]
    parts = {path.parent.name for path in (ROOT / "pipeline").glob("*/__init__.py")}
    assert set(re.findall(r"^ {6}(\w+)/", tree, re.MULTILINE)) == parts
