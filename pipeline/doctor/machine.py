"""Examinations of the machine: Python, packages, device, disk."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pipeline.device import find_device
from pipeline.doctor.finding import Finding
from pipeline.errors import PipelineError
from pipeline.params.block import read
from pipeline.params.runtime import Runtime

PYTHON = (3, 11)  # as the Makefile has it
ROOM = 2 * 10**9  # bytes: DVC's cache keeps a copy of what a stage writes


def python(project: Path) -> Iterator[Finding]:
    """Whether this is the Python that `make setup` made, at its place."""
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] != PYTHON:
        wanted = ".".join(map(str, PYTHON))
        advice = f"make setup PYTHON=/path/to/python{wanted}"
        yield Finding("python", "fault", f"{found}, where {wanted} is needed", advice)
        return
    environment = (project / ".venv").resolve()
    if Path(sys.prefix).resolve() != environment:
        said = f"{found} of {sys.prefix}, not of {environment}"
        yield Finding("python", "note", said, "make setup, then source .venv/bin/activate")
    else:
        yield Finding("python", "ok", found)


def packages(project: Path) -> Iterator[Finding]:
    """Whether the packages are those of requirements.lock."""
    lines = (project / "requirements.lock").read_text(encoding="utf-8").splitlines()
    wanted = dict(_pin(line) for line in lines if "==" in line and _here(line))
    others = [
        f"{name} {found or 'missing'} (locked: {pinned})"
        for name, pinned in wanted.items()
        if (found := _installed(name)) != pinned
    ]
    if not others:
        yield Finding("packages", "ok", f"all {len(wanted)} are as requirements.lock has them")
        return
    shown = ", ".join(others[:5]) + (f" and {len(others) - 5} more" if len(others) > 5 else "")
    said = f"{len(others)} of {len(wanted)} differ from requirements.lock: {shown}"
    yield Finding("packages", "fault", said, "rm -r .venv && make setup")


def device(project: Path) -> Iterator[Finding]:
    """Where networks will run."""
    runtime = read(project / "params.yaml", "runtime", Runtime)
    try:
        found = find_device(runtime.device)
    except PipelineError as error:
        yield Finding("device", "fault", str(error), "mner params runtime.device=auto")
    else:
        yield Finding("device", "ok", f"runtime.device {runtime.device}: {found}")


def disk(project: Path) -> Iterator[Finding]:
    """Whether there is room for a stage's outputs and for their copies in DVC's cache."""
    free = shutil.disk_usage(project).free
    said = f"{free / 1e9:.1f} GB free in {project}"
    if free < ROOM:
        yield Finding("disk", "note", said, "make room; dvc gc --workspace drops old outputs")
    else:
        yield Finding("disk", "ok", said)


def _pin(line: str) -> tuple[str, str]:
    name, _, rest = line.partition("==")
    return name.strip(), rest.partition(";")[0].strip()


def _here(line: str) -> bool:
    """Whether a line is for this platform; `mner lock` writes no other marker than Linux's."""
    return not line.startswith("#") and (sys.platform == "linux" or ";" not in line)


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
