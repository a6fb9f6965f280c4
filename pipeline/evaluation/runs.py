"""Our side of a paper's tables, as files of `metrics/tables/PAPER/`.

`RUN.json` holds what `Result.details` gives of a run, `predictions/RUN.parquet` its predictions,
and `comparisons.json` the tests of pairs of runs. They are taken from DVC's experiments and belong
into Git: the tables can then be made, and runs be compared, without the experiments.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError
from pipeline.evaluation.experiments import Files, ReadFiles
from pipeline.evaluation.paper import Run, experiment_of, read_paper
from pipeline.evaluation.paper_comparisons import COMPARISONS, PREDICTIONS, compare_pairs
from pipeline.evaluation.results import Result, parse_result, read_result
from pipeline.files import write_bytes, write_json
from pipeline.params.block import nearest

POSTS = "features/posts.parquet"


def read_runs(name: str, folder: Path) -> dict[str, Result]:
    """The runs of the paper `name` that have a file in `folder`/`name`.

    Raises:
        PipelineError: for an unknown paper, or a file that belongs to no run of the paper, is
            damaged, or holds another system or preset than its run names.
    """
    runs = read_paper(name).runs
    found = {}
    for path in sorted((folder / name).glob("*.json")):
        if path.name == COMPARISONS:
            continue
        if path.stem not in runs:
            raise PipelineError(
                f"{path}: {name} has no run {path.stem!r}{nearest(path.stem, runs)};"
                " rename the file or remove it"
            )
        found[path.stem] = _of_run(read_result(path), runs[path.stem], str(path))
    return found


def collect(name: str, folder: Path, read: ReadFiles) -> str:
    """Write the files of every run of the paper `name` whose experiment is there.

    Pairs that the paper names are compared as soon as both runs have been collected.

    Args:
        name: the paper's name.
        folder: the folder of the files of all papers.
        read: gives files as an experiment left them.

    Returns:
        Lines that say which runs were found, and which pairs cannot be compared.

    Raises:
        PipelineError: if no experiment of the paper is there, or one holds scores of another
            system or preset than its run names; nothing is written then.
    """
    paper, place = read_paper(name), folder / name
    left: dict[str, Files] = {}
    results: dict[str, Result] = {}
    for key, run in paper.runs.items():
        experiment = experiment_of(name, key)
        files = read(experiment, [_details(run), _predictions(run), POSTS])
        if files is not None:
            where = f"experiment {experiment}"
            document = _json(files[_details(run)], f"{where}: {_details(run)}")
            results[key] = _of_run(parse_result(document, where), run, where)
            left[key] = files
    if not left:
        raise PipelineError(
            f"no experiment of {name} has run: run them with"
            f" `mner tables --paper {name} --commands | sh`"
        )
    for key, files in left.items():
        write_json(place / f"{key}.json", results[key].details())
        write_bytes(place / PREDICTIONS / f"{key}.parquet", files[_predictions(paper.runs[key])])
    posts = {key: files[POSTS] for key, files in left.items()}
    refused = compare_pairs(paper.comparisons, place, posts)
    return "\n".join([f"{place}: runs collected: {', '.join(left)}", *refused])


def _details(run: Run) -> str:
    return f"metrics/details/{run.system}.json"


def _predictions(run: Run) -> str:
    return f"predictions/{run.system}.parquet"


def _json(text: bytes, where: str) -> Mapping[str, Any]:
    try:
        document: Mapping[str, Any] = json.loads(text)
    except ValueError as error:
        raise PipelineError(f"{where}: damaged ({error})") from None
    return document


def _of_run(result: Result, run: Run, where: str) -> Result:
    if result.system != run.system:
        raise PipelineError(f"{where}: scores of {result.system}, but the run is of {run.system}")
    if run.preset not in (None, result.setting.preset):
        raise PipelineError(
            f"{where}: scores of the preset {result.setting.preset}, but the run is of {run.preset}"
        )
    return result
