"""`mner params`: write params.yaml from `conf/`, as `dvc exp run -S` does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from dvc.utils.hydra import compose_and_dump
from hydra.errors import HydraException, MissingConfigException

from pipeline.files import atomic_write
from pipeline.params.block import Block, ParamsError, find, load, nearest
from pipeline.params.extract import Extract
from pipeline.params.sections import SECTIONS
from pipeline.systems.system import find_system
from stages.command import OUT, PARAMS, stage


def compose(target: Path, overrides: Sequence[str]) -> None:
    """Write `target` as conf/ composes it with Hydra's `overrides`.

    Raises:
        click.ClickException: for a preset or a key that conf/ lacks.
        ParamsError: for a composition that the blocks refuse; `target` stays as it was.
    """
    with atomic_write(target) as temporary:
        _compose(temporary, overrides)
        _check(load(temporary), str(target))


def _compose(target: Path, overrides: Sequence[str]) -> None:
    conf = str(Path("conf").resolve())
    if not Path(conf).is_dir():
        raise click.ClickException("conf/: no such folder; run from the project's root")
    try:
        compose_and_dump(str(target), conf, None, "config", conf, list(overrides))
    except MissingConfigException as error:
        group, _, name = str(error.missing_cfg_file).rpartition("/")
        known = sorted(error.options or [])
        hint = f"conf/{group} has {', '.join(known)}" if known else f"conf/ has no {group or name}"
        raise click.ClickException(
            f"unknown preset {name!r} of {group}{nearest(name, known)}; {hint}"
        ) from None
    except HydraException as error:
        told = str(error).splitlines()[0]
        raise click.ClickException(f"{told} The keys are those of conf/ and params.yaml.") from None


def _check(tree: Mapping[str, Any], where: str) -> None:
    """Refuse a tree that some block refuses, with the faults of all sections."""
    faults: dict[str, None] = {}  # without repeats: every look-up tells of an unknown section
    for section, block in _blocks(tree, where):
        try:
            find(tree, section, block, where)
        except ParamsError as error:
            faults[str(error)] = None
    if faults:
        raise ParamsError("\n".join(faults))


def _blocks(tree: Mapping[str, Any], where: str) -> Iterator[tuple[str, type[Block]]]:
    """The dotted path of every section that is one block, and the block."""
    yield from SECTIONS.items()
    for group in ("extract", "systems"):
        if not isinstance(tree.get(group), Mapping):
            raise ParamsError(f"{where}: section {group!r} is missing")
    yield from ((f"extract.{role}", Extract) for role in tree["extract"])
    yield from ((f"systems.{name}", find_system(name).Params) for name in tree["systems"])


@click.command()
@click.argument("overrides", nargs=-1)
@click.option("--params", type=OUT, default=PARAMS, show_default=True)
@stage
def main(overrides: tuple[str, ...], params: Path) -> None:
    """Compose params.yaml with Hydra OVERRIDES such as dataset=twitter2015 or tags.top_k=10.

    It is written from conf/ alone: what was changed in it by hand is lost. A change that lasts
    belongs in conf/.
    """
    compose(params, overrides)
    click.echo(f"{params}: written from conf/ ({' '.join(overrides) or 'as it stands'})")


if __name__ == "__main__":
    main()
