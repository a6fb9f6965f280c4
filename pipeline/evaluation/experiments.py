"""DVC's experiments: the command that runs one, and the files that it left."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence

from dvc.api import DVCFileSystem
from dvc.exceptions import DvcException
from dvc.scm import RevError

from pipeline.errors import PipelineError

Files = Mapping[str, bytes]  # path -> what it holds
ReadFiles = Callable[[str, Sequence[str]], Files | None]  # as `experiment_files`


def command(name: str, overrides: Sequence[str], system: str, *, queue: bool) -> str:
    """The shell command of the experiment `name`, which trains and scores a system.

    Args:
        name: the experiment's name.
        overrides: changes of conf/, as -S takes them.
        system: the system.
        queue: whether it waits for `dvc exp run --run-all`, to run in a copy of the project; data
            that are neither in Git nor in DVC are not in the copy, so the caches must be there.
    """
    waits = ["--queue", "--allow-missing"] if queue else []
    changes = [word for one in overrides for word in ("-S", one)]
    words = ["dvc", "exp", "run", *waits, "--name", name, *changes, f"evaluate_{system}"]
    return shlex.join(words)


def joined(common: Sequence[str], own: Sequence[str]) -> list[str]:
    """Both; an own override replaces a common one of the same key, since Hydra takes a key once."""
    keys = {one.partition("=")[0] for one in own}
    return [*(one for one in common if one.partition("=")[0] not in keys), *own]


def experiment_files(experiment: str, paths: Sequence[str]) -> Files | None:
    """What the files at `paths`, relative to the project's root, held when an experiment ended.

    Returns:
        None if no experiment of that name has ended well.

    Raises:
        PipelineError: if the experiment lacks a file, or this is no DVC project.
    """
    files: dict[str, bytes] = {}
    try:
        left = DVCFileSystem(".", rev=experiment)
        for path in paths:
            files[path] = left.read_bytes(path)
    except RevError:
        return None
    except FileNotFoundError:
        raise PipelineError(
            f"experiment {experiment} has no {path}: it ran other stages, or its files are no"
            f" longer in DVC's cache; remove it (`dvc exp remove {experiment}`) and run it anew"
        ) from None
    except DvcException as error:
        raise PipelineError(f"experiment {experiment}: {error}") from None
    return files
