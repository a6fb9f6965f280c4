"""`mner doctor`: what stands in the way of a run, and what to do about it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from pipeline.doctor.finding import Check, Finding, examine
from pipeline.doctor.machine import device, disk, packages, python
from pipeline.doctor.project import links, locks, names, stores, weights
from pipeline.doctor.remote import CHECK, remote
from pipeline.terminal import plain

CHECKS: dict[str, Check] = {
    "python": python,
    "packages": packages,
    "device": device,
    "disk": disk,
    "weights": weights,
    "parameters": names,
    "stores": stores,
    "locks": locks,
    "links": links,
    CHECK: remote,
}
COLOURS = {"ok": "green", "note": "yellow", "fault": "red"}


@click.command()
@click.option("--offline", is_flag=True, help="Do not ask the remote.")
@click.option("--json", "as_json", is_flag=True, help="Print a list of findings as JSON.")
def main(offline: bool, as_json: bool) -> None:
    """Examine the machine and the project, from the project's root; nothing is changed.

    The exit status is 1 if there is a fault: something that stops a stage, or may make its results
    wrong. A note does neither.
    """
    checks = {name: check for name, check in CHECKS.items() if not (offline and name == CHECK)}
    findings = examine(checks, Path.cwd())
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            click.echo(_line(finding))
    if any(finding.state == "fault" for finding in findings):
        raise SystemExit(1)


def _line(finding: Finding) -> str:
    state = click.style(f"{finding.state:<6}", fg=COLOURS[finding.state])
    advice = f"\n{'':<28}-> {plain(finding.advice)}" if finding.advice else ""
    return f"{state}{finding.check:<22}{plain(finding.said)}{advice}"


if __name__ == "__main__":
    main()
