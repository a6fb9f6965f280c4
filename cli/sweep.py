"""`mner sweep`: a system trained with every combination of some values, as a table and a plot."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.evaluation.experiments import experiment_files
from pipeline.evaluation.sweep import collect_sweep, sweep_commands, sweep_of, write_sweep
from stages.command import OUT, stage


@click.command()
@click.option("--system", required=True)
@click.option(
    "--set", "-S", "overrides", multiple=True, help="KEY=VALUE,VALUE sweeps; or one VALUE"
)
@click.option("--name", help="the sweep's  [default: SYSTEM and the keys]")
@click.option("--results", type=OUT, default=Path("metrics/sweeps"), show_default=True)
@click.option("--commands", "print_commands", is_flag=True, help="print what runs what is missing")
@click.option("--queue", is_flag=True, help="for these commands: queue the runs, from the caches")
@click.option("--collect", "gather", is_flag=True, help="take the scores of ended experiments")
@stage
def main(
    system: str,
    overrides: tuple[str, ...],
    name: str | None,
    results: Path,
    print_commands: bool,
    queue: bool,
    gather: bool,
) -> None:
    """Print the scores of SYSTEM with each combination of values, and write a table and a plot.

    Each combination is an experiment of DVC: print their commands, run them, collect their scores.
    """
    sweep = sweep_of(system, overrides, name)
    if print_commands:
        lines = sweep_commands(sweep, results, queue=queue)
        click.echo("\n".join(lines or [f"# {results / sweep.name}: no run is missing"]))
        return
    if gather:
        click.echo(collect_sweep(sweep, results, experiment_files), err=True)
    click.echo(write_sweep(sweep, results), nl=False)


if __name__ == "__main__":
    main()
