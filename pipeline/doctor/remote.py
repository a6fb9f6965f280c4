"""Examination of DVC's remote: whether there is one, and whether it answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dvc.config import NoRemoteError
from dvc.exceptions import DvcException
from dvc.fs import RemoteMissingDepsError
from dvc.repo import Repo

from pipeline.doctor.finding import Finding

CHECK = "remote"


def remote(project: Path) -> Iterator[Finding]:
    """Whether the default remote is reachable with the packages and the credentials of here."""
    try:
        with Repo(str(project)) as repo:
            found = repo.cloud.get_remote()
            where = f"{found.name}, {found.fs.unstrip_protocol(found.path)}"
            there = found.fs.exists(found.path)
    except NoRemoteError:
        advice = "dvc remote add --default NAME URL (docs/sharing.md)"
        yield Finding(CHECK, "note", "none is set: caches are shared by nobody", advice)
    except RemoteMissingDepsError as error:
        yield Finding(CHECK, "fault", _line(error), "pip install --editable '.[s3,ssh]'")
    except DvcException as error:
        yield Finding(CHECK, "fault", _line(error), "run from a clone of the project")
    except Exception as error:  # each kind of remote raises its own
        advice = "look at `dvc remote list`, the network and the credentials"
        yield Finding(CHECK, "fault", f"does not answer: {_line(error)}", advice)
    else:
        said = "answers" if there else "answers, and holds nothing yet"
        yield Finding(CHECK, "ok", f"{where} {said}")


def _line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
