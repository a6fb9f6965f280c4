"""`mner lint`: what is in a corpus and what is wrong with it; and a repaired copy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from pipeline.corpus.lint import PUBLISHED_LENGTH
from pipeline.files import json_bytes
from pipeline.lint.check import MEANING, Report, check_corpus
from pipeline.lint.layout import KINDS
from pipeline.lint.repair import DIFF, repair
from pipeline.lint.schemes import BIO
from pipeline.params.block import read
from pipeline.params.prepare import Prepare
from pipeline.terminal import plain
from stages.command import OUT, PARAMS, stage

FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
SHOWN = 3  # findings of a kind, and lines of a layout


@click.command()
@click.argument("corpus", type=FOLDER)
@click.option("--images", type=FOLDER, help="Its image folder.  [default: CORPUS/images, if there]")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=PUBLISHED_LENGTH,
    show_default=True,
    help="of a post's tokens",
)
@click.option("--fix", type=OUT, metavar="FOLDER", help="write a repaired copy there, and a diff")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
@stage
def main(corpus: Path, images: Path | None, limit: int, fix: Path | None, as_json: bool) -> None:
    """Look at CORPUS, a folder with a file for each split, in whatever layout.

    The exit status is 1 if the stages would refuse the corpus as it stands, else 0. The types of
    labels are those of `prepare` in params.yaml.
    """
    if images is None and (corpus / "images").is_dir():
        images = corpus / "images"
    report = check_corpus(corpus, images, read(PARAMS, "prepare", Prepare), limit)
    if as_json:
        click.echo(json_bytes(report.tree()).decode(), nl=False)
    else:
        for line in _page(report, images):
            click.echo(plain(line))
    if fix is not None:
        repair(report, fix)
        click.echo(f"{fix}: a repaired copy, and what differs in {DIFF}", err=True)
    if report.refusal is not None:
        click.get_current_context().exit(1)


def _page(report: Report, images: Path | None) -> Iterator[str]:
    """The lines of the report."""
    yield f"known as  {report.variant}"
    types = sorted({name for counts in report.splits.values() for name in counts.entities})
    yield _row("split", "scheme", "posts", "no image", "tokens", "longest", "entities", *types)
    for split, counts in report.splits.items():
        by_type = [counts.entities.get(name, 0) for name in types]
        yield _row(
            split,
            report.schemes[split],
            counts.posts,
            counts.without_image,
            counts.tokens,
            counts.longest,
            sum(by_type),
            *by_type,
        )
    seen = [sum(counts) for counts in zip(*report.seen.values(), strict=True)]
    if seen:
        types_seen = ", ".join(f"{name} {100 * n // of} %" for name, (n, of) in report.seen.items())
        yield f"{seen[0]} of test's {seen[1]} entities stand in train too ({types_seen})"
    for kind, by_split in report.changes().items():
        yield f"layout: {KINDS[kind]}: " + ", ".join(
            f"{split} {len(lines)} (line {lines[0]})" for split, lines in by_split.items()
        )
    for split, scheme in report.schemes.items():
        if scheme != BIO:
            yield f"scheme: the labels of {split} are {scheme}"
    for kind, found in report.counts().items():
        if found:
            yield f"{MEANING[kind]}: " + ", ".join(f"{place} {n}" for place, n in found.items())
            places = [str(finding) for finding in report.findings if finding.kind == kind]
            yield from _first(places)
    if report.faults:
        yield f"lines that are not read, whatever --fix does: {len(report.faults)}"
        yield from _first([str(fault) for fault in report.faults])
    if images is None:
        yield "no image was looked for: name their folder by --images"
    if report.refusal is not None:
        yield f"the stages would refuse this: {report.refusal}"


def _first(lines: list[str]) -> Iterator[str]:
    yield from (f"  {line}" for line in lines[:SHOWN])
    if len(lines) > SHOWN:
        yield f"  … and {len(lines) - SHOWN} more: --json lists all"


def _row(*cells: object) -> str:
    return "  ".join(str(cell).ljust(8) for cell in cells).rstrip()


if __name__ == "__main__":
    main()
