"""Our side of a paper's table: the scores of its runs, and the setting that they were trained in.

`metrics/tables/PAPER/RUN.json` holds `{"scores": what `Result.details` gives, "setting": SETTING}`
where SETTING is `{"vectors": {source: width}, "images": {cache: backbone}, "posts": number,
"usable": number with a usable image}`. The files are taken from DVC's experiments and belong into
Git: the table can then be made without the experiments.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import PipelineError
from pipeline.evaluation.paper import Run, experiment_of, read_paper
from pipeline.evaluation.results import Result, parse_result
from pipeline.files import read_json, write_json
from pipeline.params.block import nearest
from pipeline.systems.system import find_system

ReadFile = Callable[[str, str], str | None]  # experiment, path -> text; None: no such experiment


@dataclass(frozen=True)
class Setting:
    """The data that a run was trained on, as far as papers differ in it."""

    vectors: Mapping[str, int]  # source -> width
    images: Mapping[str, str]  # cache -> the backbone behind it; empty if no image is read
    posts: int  # all of the corpus
    usable: int  # posts with a usable image


@dataclass(frozen=True)
class Scored:
    """A run that has been scored."""

    result: Result
    setting: Setting


def read_runs(name: str, folder: Path) -> dict[str, Scored]:
    """The runs of the paper `name` that have a file in `folder`/`name`.

    Raises:
        PipelineError: for an unknown paper, or a file that belongs to no run of the paper, is
            damaged, or holds another system than its run names.
    """
    runs = read_paper(name).runs
    found = {}
    for path in sorted((folder / name).glob("*.json")):
        if path.stem not in runs:
            raise PipelineError(
                f"{path}: {name} has no run {path.stem!r}{nearest(path.stem, runs)};"
                " rename the file or remove it"
            )
        found[path.stem] = _scored(read_json(path), runs[path.stem], str(path))
    return found


def collect(name: str, folder: Path, read: ReadFile) -> str:
    """Write the file of every run of the paper `name` whose experiment is there.

    Args:
        name: the paper's name.
        folder: the folder of the files of all papers.
        read: gives the text of a file as an experiment left it.

    Returns:
        One line that says which runs were found.

    Raises:
        PipelineError: if no experiment of the paper is there, or one holds scores of another
            system than its run names; nothing is written then.
    """
    found = {}
    for key, run in read_paper(name).runs.items():
        experiment = experiment_of(name, key)
        params = read(experiment, "params.yaml")
        if params is not None:
            found[key] = _document(run, yaml.safe_load(params), experiment, read)
            _scored(found[key], run, f"experiment {experiment}")
    if not found:
        raise PipelineError(
            f"no experiment of {name} has run: queue them with"
            f" `mner tables --paper {name} --commands | sh`, then `dvc queue start`"
        )
    for key, document in found.items():
        write_json(folder / name / f"{key}.json", document)
    return f"{folder / name}: runs collected: {', '.join(found)}"


def _document(run: Run, params: Mapping[str, Any], experiment: str, read: ReadFile) -> Any:
    sources = params["vectors"]["sources"]
    reads = find_system(run.system).reads
    posts = json.loads(read(experiment, "features/images.json") or "{}")["posts"]
    setting = Setting(
        {name: sources[name]["width"] for name in params["systems"][run.system]["vectors"]},
        {r.cache: params["extract"][r.role]["backbone"] for r in reads if r.role is not None},
        posts["all"],
        posts["usable"],
    )
    details = read(experiment, f"metrics/details/{run.system}.json") or "{}"
    return {"scores": json.loads(details), "setting": asdict(setting)}


def _scored(document: Any, run: Run, where: str) -> Scored:
    try:
        setting = Setting(**document["setting"])
        scores = document["scores"]
    except (KeyError, TypeError):
        raise PipelineError(f"{where}: not the scores of a run; collect them anew") from None
    result = parse_result(scores, where)
    if result.system != run.system:
        raise PipelineError(f"{where}: scores of {result.system}, but the run is of {run.system}")
    return Scored(result, setting)
