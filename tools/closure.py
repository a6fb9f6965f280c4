"""`python -m tools.closure`: the code that each stage runs, kept among its `deps` in dvc.yaml.

A stage must rerun when its code changes and only then, so its code deps are its import closure:
every module that its command imports, and the module it finds by name (a system, a backbone).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import grimp
from ruamel.yaml import YAML

PACKAGES = ("pipeline", "stages")
# Modules found by name at run time, which no import statement shows: option -> package.
NAMED = {"system": "pipeline.systems"}
MODEL = re.compile(r"--model models/(\w+)")  # an evaluate stage loads the system it evaluates
ROLE = "${item.backbone}"  # an extract stage runs the backbone of its role


def closure(command: str, graph: grimp.ImportGraph) -> set[str]:
    """The files that a stage's command runs, relative to the project's root; no `__init__.py`."""
    found = set()
    for root in _roots(command):
        found |= {root} | graph.find_upstream_modules(root)
    files = {_file(module) for module in found} - {None}
    if "stages.extract" in command:
        files.add(f"pipeline/vision/backbones/{ROLE}.py")
    return {file for file in files if file is not None}


def import_graph() -> grimp.ImportGraph:
    """Who imports whom in the project."""
    return grimp.build_graph(*PACKAGES, cache_dir=None)


def _roots(command: str) -> Iterable[str]:
    words = command.split()
    yield words[words.index("-m") + 1]
    for option, package in NAMED.items():
        if f"--{option}" in words:
            yield f"{package}.{words[words.index(f'--{option}') + 1]}"
    if (model := MODEL.search(command)) and "stages.evaluate" in words:
        yield f"pipeline.systems.{model.group(1)}"


def _file(module: str) -> str | None:
    """The module's file; packages here are empty, so they have none."""
    path = Path(*module.split(".")).with_suffix(".py")
    return path.as_posix() if path.exists() else None


def is_code(dep: str) -> bool:
    """Whether a dep of dvc.yaml is a file of the project's code."""
    return dep.split("/")[0] in PACKAGES


def _rewrite(stage: Any, graph: grimp.ImportGraph) -> bool:
    """Replace the code among a stage's deps by its closure; whether that changed anything."""
    deps = stage["deps"]
    wanted = [*(dep for dep in deps if not is_code(dep)), *sorted(closure(stage["cmd"], graph))]
    if list(deps) == wanted:
        return False
    deps[:] = wanted
    return True


@click.command()
@click.option("--write", is_flag=True, help="mend dvc.yaml instead of telling what is wrong")
def main(write: bool) -> None:
    """Hold the code deps of dvc.yaml to the stages' import closures."""
    yaml = YAML()
    yaml.width = 100
    yaml.indent(mapping=2, sequence=4, offset=2)
    path = Path("dvc.yaml")
    tree = yaml.load(path)
    graph = import_graph()
    stages = {name: stage.get("do", stage) for name, stage in tree["stages"].items()}
    stale = [name for name, stage in stages.items() if _rewrite(stage, graph)]
    if stale and not write:
        raise click.ClickException(f"code deps of {', '.join(stale)} are stale: run `make deps`")
    if stale:
        yaml.dump(tree, path)
    click.echo(f"dvc.yaml: {len(stages)} stages, {len(stale)} with new code deps")


if __name__ == "__main__":
    main()
