"""Stage `report`: all that was found, as one page for a browser and as tables for `dvc plots`."""

from pathlib import Path

import click

from pipeline.params.block import read
from pipeline.params.leaderboard import Leaderboard
from pipeline.report.files import ReportFiles
from pipeline.report.report import write_report
from stages.command import IN, OUT, PARAMS, stage, tell


@click.command()
@click.option("--posts", type=IN, required=True)
@click.option("--images", type=IN, required=True)
@click.option("--thumbnails", type=IN, required=True)
@click.option("--tags", type=IN, required=True)
@click.option("--captions", type=IN, required=True)
@click.option("--hashtags", type=IN, required=True)
@click.option("--knowledge", type=IN, required=True)
@click.option("--graph", type=IN, required=True)
@click.option("--depictions", type=IN, required=True)
@click.option("--entity-images", type=IN, required=True)
@click.option("--entity-thumbnails", type=IN, required=True)
@click.option("--regions", type=IN, required=True, help="store.json of the regions.")
@click.option("--predictions", type=IN, required=True, help="Folder of all systems' predictions.")
@click.option("--details", type=IN, required=True, help="Folder with the details of each system.")
@click.option("--curves", type=IN, required=True, help="Folder of the learning curves.")
@click.option("--web", type=IN, required=True, help="Folder of the page's template.")
@click.option("--page", type=OUT, required=True)
@click.option("--types", type=OUT, required=True, help="Folder of F1 by type, for `dvc plots`.")
@click.option("--confusion", type=OUT, required=True, help="The same of pairs of types.")
@stage
def main(**files: Path) -> None:
    """Write the report."""
    params = read(PARAMS, "leaderboard", Leaderboard)
    tell(write_report(ReportFiles(**files), params.order_by))


if __name__ == "__main__":
    main()
