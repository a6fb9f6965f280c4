"""`mner params`: write params.yaml from `conf/`, as `dvc exp run -S` does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from dvc.utils.hydra import compose_and_dump
from hydra.errors import HydraException, MissingConfigException

from pipeline.params.block import nearest
from stages.command import OUT, PARAMS


def compose(target: Path, overrides: Sequence[str]) -> None:
    """Write `target` as conf/ composes it with Hydra's `overrides`.

    Raises:
        click.ClickException: for a preset or a key that conf/ lacks.
    """
    conf = str(Path("conf").resolve())
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
        raise click.ClickException(str(error)) from None


@click.command()
@click.argument("overrides", nargs=-1)
@click.option("--params", type=OUT, default=PARAMS, show_default=True)
def main(overrides: tuple[str, ...], params: Path) -> None:
    """Compose params.yaml with Hydra OVERRIDES such as dataset=twitter2015 or tags.top_k=10."""
    compose(params, overrides)
    click.echo(f"{params}: written from conf/ ({' '.join(overrides) or 'as it stands'})")


if __name__ == "__main__":
    main()
