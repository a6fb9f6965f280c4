"""`python -m tools.closure`: the code that each stage runs, kept among its `deps` in dvc.yaml.

A stage must rerun when its code changes and only then, so its code deps are its import closure:
every module that its command imports, and the module it finds by name (a system, a backbone).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import grimp
from ruamel.yaml import YAML

PACKAGES = ("pipeline", "stages")
# What is found by name at run time, which no import statement shows.
SYSTEM = re.compile(r"--(?:system |model models/)(\w+)")  # train and evaluate name their system
BACKBONES = "pipeline.vision.backbones"
BACKBONE = {  # the stages that load one, and the param that names it: one for each role, or one
    "stages.extract --role ${key}": "pipeline/vision/backbones/${item.backbone}.py",
    "stages.extract --role tags": "pipeline/vision/backbones/${extract.tags.backbone}.py",
    "stages.tags": "pipeline/vision/backbones/${extract.tags.backbone}.py",
}


def closure(command: str, graph: grimp.ImportGraph) -> set[str]:
    """The files that a stage's command runs, relative to the project's root; no `__init__.py`."""
    module = command.split()[command.split().index("-m") + 1]
    roots = {module, *(f"pipeline.systems.{name}" for name in SYSTEM.findall(command))}
    backbones = {file for start, file in BACKBONE.items() if f"-m {start} " in f"{command} "}
    if backbones:
        roots |= graph.find_children(BACKBONES)
    found = roots.union(*(graph.find_upstream_modules(root) for root in roots))
    found -= graph.find_children(BACKBONES)
    files = {file for file in map(_file, found) if file is not None}
    return files | backbones


def import_graph() -> grimp.ImportGraph:
    """Who imports whom in the project."""
    return grimp.build_graph(*PACKAGES, cache_dir=None)


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
