"""`python -m tools.compose`: write params.yaml from `conf/`, as `dvc exp run -S` does."""

from __future__ import annotations

from pathlib import Path

import click
from dvc.utils.hydra import compose_and_dump

from stages.command import OUT, PARAMS


@click.command()
@click.argument("overrides", nargs=-1)
@click.option("--params", type=OUT, default=PARAMS, show_default=True)
def main(overrides: tuple[str, ...], params: Path) -> None:
    """Compose params.yaml with Hydra OVERRIDES such as dataset=twitter2015 or tags.top_k=10."""
    conf = str(Path("conf").resolve())
    compose_and_dump(str(params), conf, None, "config", conf, list(overrides))
    click.echo(f"{params}: written from conf/ ({' '.join(overrides) or 'as it stands'})")


if __name__ == "__main__":
    main()
