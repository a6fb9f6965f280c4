"""Stage `leaderboard`: the scores of all systems in one Markdown table."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.evaluation.leaderboard import write_leaderboard
from pipeline.params.block import read
from pipeline.params.leaderboard import Leaderboard
from stages.command import IN, OUT, PARAMS, stage, tell


@click.command()
@click.option("--details", type=IN, required=True, help="Folder with the details of each system.")
@click.option("--table", type=OUT, required=True)
@stage
def main(details: Path, table: Path) -> None:
    """Order the systems by F1 and write the table."""
    params = read(PARAMS, "leaderboard", Leaderboard)
    tell(write_leaderboard(sorted(details.glob("*.json")), table, params.order_by))


if __name__ == "__main__":
    main()
