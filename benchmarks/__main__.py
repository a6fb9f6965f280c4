"""`python -m benchmarks NAME [OPTIONS]`: one module a benchmark, one line of JSON last."""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from pathlib import Path

import click

from pipeline.errors import PipelineError
from pipeline.params.block import nearest


def known() -> list[str]:
    """The benchmarks there are: modules of this folder that define a command `main`."""
    modules = pkgutil.iter_modules([str(Path(__file__).parent)])
    names = [module.name for module in modules if not module.ispkg]
    shared = {"__main__", "blocks", "corpus", "crops", "phrases", "browser", "reported"}
    shared |= {"hostile", "mutation"}
    return sorted(name for name in names if name not in shared)


def run() -> None:
    """Find the benchmark by name, run it, and print its result."""
    if len(sys.argv) < 2 or sys.argv[1] not in known():
        hint = nearest(sys.argv[1], known()) if len(sys.argv) > 1 else ""
        raise SystemExit(f"usage: python -m benchmarks {{{','.join(known())}}} [OPTIONS]{hint}")
    name = sys.argv[1]
    command: click.Command = importlib.import_module(f"benchmarks.{name}").main
    try:
        result = command.main(sys.argv[2:], prog_name=name, standalone_mode=False)
    except (PipelineError, click.ClickException) as error:
        raise SystemExit(f"error: {error}") from None
    if isinstance(result, dict):  # not so for --help
        click.echo(json.dumps(result))


if __name__ == "__main__":
    run()
