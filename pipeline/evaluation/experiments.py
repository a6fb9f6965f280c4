"""Files as a DVC experiment left them."""

from __future__ import annotations

import dvc.api
from dvc.exceptions import DvcException, FileMissingError, PathMissingError
from dvc.scm import RevError

from pipeline.errors import PipelineError


def experiment_file(experiment: str, path: str) -> str | None:
    """The text of `path`, relative to the project's root, at the end of an experiment.

    Returns:
        None if no experiment of that name has ended well.

    Raises:
        PipelineError: if the experiment lacks the file, or this is no DVC project.
    """
    try:
        text: str = dvc.api.read(path, repo=".", rev=experiment)
    except RevError:
        return None
    except (FileMissingError, PathMissingError):
        raise PipelineError(
            f"experiment {experiment} has no {path}: it ran other stages; remove it"
            f" (`dvc exp remove {experiment}`) and queue it anew"
        ) from None
    except DvcException as error:
        raise PipelineError(f"experiment {experiment}: {error}") from None
    return text
