"""`mner lock`: pin what pyproject.toml asks for, and all that it needs, by version."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import click

# Packages of the CUDA build that exist for Linux alone.
LINUX_ONLY = ("nvidia-", "cuda-", "triton")
HEAD = "# Written by `make lock` from pyproject.toml; `make setup` installs exactly this."


def pins(report: dict[str, Any]) -> list[str]:
    """One `name==version` line for each package of a pip installation report, sorted."""
    found = []
    for package in report["install"]:
        name, version = package["metadata"]["name"].lower(), package["metadata"]["version"]
        marker = ' ; sys_platform == "linux"' if name.startswith(LINUX_ONLY) else ""
        found.append(f"{name.replace('_', '-')}=={version}{marker}")
    return sorted(found)


def _resolved(wanted: list[str]) -> list[str]:
    """The pins of what pip would install."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run"]
        subprocess.run([*pip, "--ignore-installed", "--report", report, *wanted], check=True)
        return pins(json.loads(report.read_text(encoding="utf-8")))


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("requirements.lock"))
def main(out: Path) -> None:
    """Resolve the project's requirements afresh and write the lock."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    alone = project["optional-dependencies"]["alone"]
    lines = sorted({*_resolved(wanted), *_resolved(["--no-deps", *alone])})
    out.write_text("\n".join([HEAD, *lines]) + "\n", encoding="utf-8")
    click.echo(f"{out}: {len(lines)} packages pinned")


if __name__ == "__main__":
    main()
