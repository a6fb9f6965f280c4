"""What every stage shares: a click command whose errors are sentences, not tracebacks."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec

import click

from pipeline.errors import PipelineError

P = ParamSpec("P")

PARAMS = Path("params.yaml")  # DVC runs every stage at the project's root
IN = click.Path(path_type=Path, exists=True)
OUT = click.Path(path_type=Path)


def stage(function: Callable[P, None]) -> Callable[P, None]:
    """Turn a `PipelineError` into a message and exit status 1."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except PipelineError as error:
            raise click.ClickException(str(error)) from None

    return run
