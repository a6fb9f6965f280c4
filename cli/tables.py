"""`mner tables`: a paper's own tables beside ours."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.evaluation.experiments import experiment_files
from pipeline.evaluation.paper import commands
from pipeline.evaluation.paper_tables import paper_tables
from pipeline.evaluation.runs import collect, read_runs
from stages.command import OUT, stage


@click.command()
@click.option("--paper", required=True, help="such as adaptive-coattention, modality-attention")
@click.option("--results", type=OUT, default=Path("metrics/tables"), show_default=True)
@click.option("--commands", "print_commands", is_flag=True, help="print what runs what is missing")
@click.option("--set", "-S", "overrides", multiple=True, help="of conf/, for these commands")
@click.option("--without", multiple=True, help="for these commands: leave out runs that need it")
@click.option("--queue", is_flag=True, help="for these commands: queue the runs, from the caches")
@click.option("--collect", "gather", is_flag=True, help="take the scores of ended experiments")
@stage
def main(
    paper: str,
    results: Path,
    print_commands: bool,
    overrides: tuple[str, ...],
    without: tuple[str, ...],
    queue: bool,
    gather: bool,
) -> None:
    """Print the tables of PAPER, each row as published with ours beneath it."""
    if (overrides or without or queue) and not print_commands:
        raise click.UsageError("--set, --without and --queue are for --commands alone")
    if print_commands:
        done = read_runs(paper, results)
        lines = commands(paper, done, overrides, without=without, queue=queue)
        click.echo(
            "\n".join(lines or [f"# {len(done)} runs in {results / paper}, none is missing"])
        )
        return
    if gather:
        click.echo(collect(paper, results, experiment_files), err=True)
    click.echo(paper_tables(paper, results), nl=False)


if __name__ == "__main__":
    main()
