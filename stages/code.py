"""Stage `code`: a digest of the code of each stage, system and backbone, for the others' params."""

from pathlib import Path

import click

from pipeline.code import digests
from pipeline.files import write_json
from stages.command import OUT, stage, tell


@click.command()
@click.option("--digests", "path", type=OUT, required=True)
@stage
def main(path: Path) -> None:
    """Write the digests of the code in the working folder."""
    found = digests(Path())
    write_json(path, found)
    tell(", ".join(f"{len(members)} {family}" for family, members in found.items()))


if __name__ == "__main__":
    main()
