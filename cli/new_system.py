"""`mner new-system NAME`: the places that a system has in the project, to be filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from keyword import iskeyword
from pathlib import Path
from typing import Any

import click
import yaml
from omegaconf import OmegaConf

from cli.system_stages import shown_of, stages_of
from cli.system_template import system_file
from pipeline.errors import PipelineError
from pipeline.files import write_bytes
from pipeline.params.block import find, load
from pipeline.params.context import Context
from pipeline.params.vectors import Vectors
from pipeline.systems.system import Read, find_system, known_systems
from stages.command import PARAMS, stage

LIKE = "cnn_bilstm_crf"  # its preset is the new system's first one
CONFIG, STAGES = Path("conf/config.yaml"), Path("dvc.yaml")
WIDTH = 50  # a cache is summed up in so many numbers


@click.command()
@click.argument("name")
@click.option("--reads", multiple=True, metavar="CACHE", help="What it reads beside the text.")
@stage
def main(name: str, reads: tuple[str, ...]) -> None:
    """Add the system NAME: its file, its preset, its stages and its block of params.yaml.

    It trains as it is: `dvc repro evaluate_NAME`. CACHE is one that a system reads already, such as
    regions, tags, image_words, attributes, knowledge, captions or hashtags.
    """
    places = new_places(name, [known_cache(cache) for cache in dict.fromkeys(reads)])
    for path, text in places.items():
        write_bytes(path, text.encode())
    first, *others = places
    click.echo(f"{first}: a network that trains as it is, to be replaced")
    click.echo("\n".join(map(str, others)))
    click.echo(f"now: dvc repro evaluate_{name} leaderboard")


def known_cache(cache: str) -> Read:
    """What a system reads of the cache of this name, as an existing system declares it.

    Raises:
        PipelineError: for a cache that no system reads.
    """
    known = {read.cache: read for name in known_systems() for read in find_system(name).reads}
    if cache not in known:
        raise PipelineError(f"no system reads a cache {cache!r}; known: {', '.join(sorted(known))}")
    return known[cache]


def new_places(name: str, reads: Sequence[Read]) -> dict[Path, str]:
    """The files that a new system adds or changes, with what they will hold.

    Raises:
        PipelineError: for a name that is taken, or that is no name of a Python module; for a file
            that is missing.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or iskeyword(name):
        raise PipelineError(f"{name!r}: a system's name is of small letters, digits and _")
    if name in known_systems() or name == "system":
        raise PipelineError(f"{name!r} is taken: pipeline/systems/{name}.py")
    params = load(PARAMS)
    vectors = find(params, "vectors", Vectors, str(PARAMS)).default
    context = find(params, "context", Context, str(PARAMS)).default
    _check_free(name, params)
    preset = _preset(name, summed=bool(reads))
    block = {**yaml.safe_load(preset), "vectors": vectors}
    block["context"] = {**block["context"], "store": context}
    params["systems"] = {**params["systems"], name: block}
    return {
        Path("pipeline/systems", f"{name}.py"): system_file(name, reads),
        Path("conf/system", name, "tuned.yaml"): preset,
        CONFIG: _config(name),
        STAGES: _stages(name, reads),
        PARAMS: OmegaConf.to_yaml(OmegaConf.create(params)),
    }


def _check_free(name: str, params: Mapping[str, Any]) -> None:
    """Refuse a name that one of the places has, as when only its file was removed."""
    rest = {
        Path("conf/system", name): Path("conf/system", name).exists(),
        CONFIG: re.search(rf"(?m)^\s*- system/{name}\b", _text(CONFIG)),
        STAGES: re.search(rf"(?m)^  (train|evaluate)_{name}:", _text(STAGES)),
        PARAMS: name in params["systems"],
    }
    held = [str(place) for place, found in rest.items() if found]
    if held:
        raise PipelineError(f"{name!r} stands already in {', '.join(held)}: remove it there first")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise PipelineError(f"{path}: no such file; run from the project's root") from None


def _config(name: str) -> str:
    """conf/config.yaml with a line for the system behind those of the others."""
    lines = _text(CONFIG).splitlines(keepends=True)
    systems = [place for place, line in enumerate(lines) if line.lstrip().startswith("- system/")]
    if not systems:
        raise PipelineError(f"{CONFIG}: has no line `- system/NAME: PRESET` among its defaults")
    last = lines[systems[-1]]
    added = f"{last[: last.index('-')]}- system/{name}: tuned\n"
    return "".join([*lines[: systems[-1] + 1], added, *lines[systems[-1] + 1 :]])


def _stages(name: str, reads: Sequence[Read]) -> str:
    """dvc.yaml with the system's stages and what the report reads, behind those of the others."""
    text = _text(STAGES)
    leaderboard = re.search(r"(?m)^  leaderboard:", text)
    if not leaderboard:
        raise PipelineError(f"{STAGES}: has no stage `leaderboard`, before which systems stand")
    shown = [*re.finditer(r"(?m)^      - curves/\w+\n", text)]
    if not shown:
        raise PipelineError(f"{STAGES}: the stage `report` has no `- curves/NAME` among its deps")
    first, second = leaderboard.start(), shown[-1].end()
    return (
        f"{text[:first]}{stages_of(name, reads, sources=1)}"
        f"{text[first:second]}{shown_of(name)}{text[second:]}"
    )


def _preset(name: str, *, summed: bool) -> str:
    """The preset of `LIKE` under the new name, with the size of summaries if there are any."""
    text = _text(Path("conf/system", LIKE, "tuned.yaml"))
    width = f"  width: {WIDTH} # a cache is summed up in so many numbers\n" if summed else ""
    return text.replace(f"systems.{LIKE}", f"systems.{name}").rstrip("\n") + f"\n{width}"
