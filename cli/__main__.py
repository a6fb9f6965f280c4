"""`mner`, the command for people; `python -m cli` is the same. Stages are what DVC runs.

A command's module is imported when the command is called, so that `mner --help` is quick.
"""

from __future__ import annotations

import importlib

import click

# Command -> what its line of `mner --help` says; its module of this folder defines `main`.
COMMANDS = {
    "compare": "Test the difference in F1 between two systems.",
    "doctor": "Say what stands in the way of a run, and what to do about it.",
    "export": "Write a trained model as one folder that predicts by itself.",
    "lint": "Say what is wrong with a corpus; write a repaired copy.",
    "lock": "Pin what pyproject.toml asks for in requirements.lock.",
    "merge": "Put the feature stores of several people together.",
    "new-system": "Add a system: its file, preset, stages and block of params.yaml.",
    "params": "Write params.yaml from conf/.",
    "predict": "Tag new posts with a trained model.",
    "show": "Show what all systems said of a post, or what one got wrong.",
    "sweep": "Train a system with each combination of some values.",
    "tables": "Print a paper's own tables beside ours.",
    "weights": "Say which weights are there, and fetch what is missing.",
}


class Commands(click.Group):
    """The group of the modules that `COMMANDS` names."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, sorted."""
        del ctx
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, imported now; None if there is none."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"cli.{cmd_name.replace('-', '_')}")
        command: click.Command = module.main
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One line for each command, without importing any."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


@click.command(cls=Commands)
def main() -> None:
    """Multimodal named entity recognition from cached features: what people run beside `dvc`."""


if __name__ == "__main__":
    main(prog_name="mner")
