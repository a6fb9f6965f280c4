"""Stage `tag_posts`: the names that a text-only tagger finds in every post."""

from pathlib import Path
from typing import Any

import click

from pipeline.params.block import read
from pipeline.params.tag_posts import TagPosts
from pipeline.systems.system import find_system
from pipeline.training.jackknife import TagFiles, tag_posts
from stages.command import FRESH, IN, OUT, PARAMS, runtime_of, stage, tell


@click.command()
@click.option("--system", required=True, help="One that reads text alone.")
@click.option("--posts", type=IN, required=True)
@click.option("--vocab", type=IN, required=True)
@click.option("--vectors", type=IN, multiple=True, help="One for each source, in order.")
@click.option("--context", type=IN, help="The store of contextual words, or a file `none`.")
@click.option("--tagged", type=OUT, required=True)
@FRESH
@stage
def main(system: str, vectors: tuple[Path, ...], fresh: bool, **paths: Any) -> None:
    """Tag every post with models that never saw its labels."""
    runtime, options = runtime_of(fresh), read(PARAMS, "tag_posts", TagPosts)
    found = find_system(system)
    params = read(PARAMS, f"systems.{system}", found.Params)
    files = TagFiles(vectors={path.stem: path for path in vectors}, **paths)
    tell(tag_posts(found, params, options, files, runtime, tell))


if __name__ == "__main__":
    main()
