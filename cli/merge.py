"""`mner merge`: put the feature stores of several people together."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.store.merge import merge
from stages.command import IN, OUT, stage


@click.command()
@click.argument("store", type=OUT)
@click.argument("others", nargs=-1, required=True, type=IN)
@stage
def main(store: Path, others: tuple[Path, ...]) -> None:
    """Add to STORE, such as features/tags, the rows of the stores OTHERS that it lacks.

    All must have one fingerprint. No image is opened, and no network runs. OTHERS stay as they are.
    """
    click.echo(f"{store}: {merge(store, others)}")


if __name__ == "__main__":
    main()
