"""`mner predict`: the entities of new posts, by a trained model."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, get_args

import click

from pipeline.predict import Tagger
from pipeline.predict.inputs import KINDS, STDIN
from pipeline.predict.posts import Images, OnBadImage
from pipeline.predict.results import FORMATS
from pipeline.predict.run import Task, run
from pipeline.predict.tagger import Seed
from pipeline.progress import say
from stages.command import IN, OUT, stage


class SeedType(click.ParamType[Seed]):
    """A seed's number, or `all`."""

    name = "seed"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Seed:
        """Read one of the two."""
        if value == "all":
            return "all"
        if not str(value).isdecimal():
            self.fail(f"{value!r} is neither a number nor `all`", param, ctx)
        return int(value)


@click.command()
@click.argument("source", metavar="INPUT", type=OUT)
@click.option("--model", type=OUT, required=True, help="models/SYSTEM, or an exported folder.")
@click.option("--seed", type=SeedType(), help="N, or all: they vote. Not given: the first.")
@click.option("--output", type=OUT, help="Not given: standard output.")
@click.option("--format", "form", type=click.Choice(list(FORMATS)), default="jsonl")
@click.option("--from", "kind", type=click.Choice(KINDS), help="What INPUT is, beside its suffix.")
@click.option("--images", "folder", type=IN, help="Folder of pictures that posts name by id.")
@click.option("--bad-image", type=click.Choice(get_args(OnBadImage)), default="error")
@click.option("--explain", "explained", is_flag=True, help="Tell what the system looked at.")
@click.option("--resume", "resumes", is_flag=True, help="Go on with an interrupted output.")
@stage
def main(
    source: Path,
    model: Path,
    seed: Seed,
    folder: Path | None,
    bad_image: OnBadImage,
    **options: Any,
) -> None:
    """Tag the posts of INPUT: JSON lines, CSV, CoNLL, text, a folder, or - for standard input.

    A row that cannot be read gives an object with `error`, and the rest goes on. `--bad-image mask`
    reads a post whose picture is missing or broken as one without, as corpora are read.
    """
    base = Path() if source == STDIN else source if source.is_dir() else source.parent
    task = Task(source, images=Images(folder, base, bad_image), **options)
    click.echo(run(task, partial(Tagger.load, model, seed), say), err=True)


if __name__ == "__main__":
    main()
