"""The common part of all stages: a click command whose errors are sentences, not tracebacks."""

from __future__ import annotations

import errno
import functools
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ParamSpec

import click

from pipeline.errors import PipelineError
from pipeline.params.block import read
from pipeline.params.runtime import Runtime
from pipeline.terminal import plain_lines

P = ParamSpec("P")

PARAMS = Path("params.yaml")  # DVC runs every stage at the project's root
IN = click.Path(path_type=Path, exists=True)
OUT = click.Path(path_type=Path)
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)  # a file is there, and may not be used


class NamedPath(click.ParamType[tuple[str, Path]]):
    """`NAME=PATH`, where the path exists."""

    name = "name=path"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, Path]:
        """Split at the first `=`."""
        key, equals, path = str(value).partition("=")
        if not key or not equals:
            self.fail(f"{value!r} is not NAME=PATH", param, ctx)
        return key, IN.convert(path, param, ctx)


FRESH = click.option(
    "--fresh", is_flag=True, help="Train from the start, though a killed training left its state."
)


def runtime_of(fresh: bool) -> Runtime:
    """The block `runtime`; with `fresh` no state of a killed training is taken up."""
    runtime = read(PARAMS, "runtime", Runtime)
    return runtime.model_copy(update={"fresh": runtime.fresh or fresh})


def by_source(paths: Iterable[Path]) -> dict[str, list[Path]]:
    """Source of word vectors -> its files, in their order; a file bears its source's name."""
    files: dict[str, list[Path]] = {}
    for path in paths:
        files.setdefault(path.stem, []).append(path)
    return files


def tell(report: object) -> None:
    """Print a report; what it quotes of files cannot speak to the terminal."""
    click.echo(plain_lines(str(report)))


def stage(function: Callable[P, None]) -> Callable[P, None]:
    """Turn a `PipelineError`, or a file that may not be used, into a message and exit status 1."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except PipelineError as error:
            raise click.ClickException(plain_lines(str(error))) from None
        except OSError as error:
            if error.errno not in FORBIDDEN:
                raise
            raise click.ClickException(
                f"{plain_lines(str(error.filename))}: cannot be used"
                f" ({os.strerror(error.errno)}); mend the permissions of this file and"
                " its folder, or how the disk is mounted"
            ) from None

    return run
